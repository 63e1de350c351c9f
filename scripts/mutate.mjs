/**
 * `npm run mutate`: plants every small fault that Stryker knows in the algorithm's files and counts those that no test
 * notices. Arguments go to Stryker: `npm run mutate -- --mutate packages/core/src/methods/policy.ts`.
 *
 * Stryker is 65 MB in 167 packages and used once in a while, so it is fetched when it is first asked for. It lies
 * below node_modules, from where its runner finds this project's vitest. 9.6 is the last line that runs on Node 20.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { prepare, root } from "./prepare.mjs";

const version = "9.6.1";
const home = join(root, "node_modules/.cache/amulet-mutation");
const stryker = join(home, "node_modules/@stryker-mutator/core/bin/stryker.js");

prepare();
if (!existsSync(stryker)) {
  console.error(`Installing Stryker ${version} …`);
  mkdirSync(home, { recursive: true });
  writeFileSync(join(home, "package.json"), '{ "private": true }\n');
  const packages = ["core", "vitest-runner"].map((name) => `@stryker-mutator/${name}@${version}`);
  // Its peers are TypeScript and vitest, and those are here.
  run(
    "npm",
    ["install", "--legacy-peer-deps", "--no-fund", "--no-audit", "--loglevel=error", ...packages],
    home,
  );
}
run(
  process.execPath,
  [stryker, "run", "scripts/mutation/stryker.config.mjs", ...process.argv.slice(2)],
  root,
);

function run(command, args, cwd) {
  const shell = process.platform === "win32" && command === "npm";
  const { status } = spawnSync(command, args, { cwd, stdio: "inherit", shell });
  if (status !== 0) process.exit(status ?? 1);
}
