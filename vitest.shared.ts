/** What all of the vitest configurations share. */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

type Conditions = string | { readonly [condition: string]: Conditions };

const packages = new URL("./packages/", import.meta.url);

/** Each entry of each package as its source: no build is needed to see a change. */
function sourcesOfPackages() {
  return readdirSync(packages).flatMap((folder) => {
    const manifest = JSON.parse(readFileSync(new URL(`${folder}/package.json`, packages), "utf8")) as {
      name: string;
      exports: Record<string, Conditions>;
    };
    return Object.entries(manifest.exports).map(([entry, conditions]) => ({
      find: new RegExp(`^${manifest.name}${entry.slice(1).replace("*", "(.*)")}$`),
      replacement: fileURLToPath(new URL(`${folder}/${sourceOf(conditions).replace("*", "$1")}`, packages)),
    }));
  });
}

/** `{ default: "./dist/index.js" }` is made of `src/index.ts`. */
function sourceOf(conditions: Conditions): string {
  if (typeof conditions !== "string") return sourceOf(conditions.default!);
  return conditions.replace("./dist/", "src/").replace(/\.js$/, ".ts");
}

export const resolve = { alias: sourcesOfPackages() };

export const test = {
  testTimeout: 120_000,
  hookTimeout: 120_000,
  pool: "forks",
  maxWorkers: 2,
  unstubEnvs: true,
  unstubGlobals: true,
} as const;
