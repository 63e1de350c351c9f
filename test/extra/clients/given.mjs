/** What a client is told: where its packages are, and what to ask whom. */
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [folder, asked] = process.argv.slice(2);

/** `address`, `key`, `model`, `question`, `preference`, `maxTokens`. */
export const given = JSON.parse(asked);

export async function load(name) {
  const require = createRequire(pathToFileURL(`${folder}/package.json`));
  return import(pathToFileURL(require.resolve(name)).href);
}

/** What it fails with, as this client tells it. */
export async function failureOf(asking) {
  try {
    await asking;
    return "none";
  } catch (error) {
    const { status, statusCode, code, param, type } = error;
    return { name: error.constructor.name, status: status ?? statusCode, code, param, type };
  }
}
