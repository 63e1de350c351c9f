/** Every package as npm would publish it. */
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { prepare, root } from "./prepare.mjs";

prepare();
const failed = readdirSync(join(root, "packages")).filter((name) => {
  const { status } = spawnSync("npx", ["publint", "--strict", join("packages", name)], {
    cwd: root,
    stdio: "inherit",
  });
  return status !== 0;
});
if (failed.length > 0) console.error(`Not fit to be published: ${failed.join(", ")}.`);
process.exit(failed.length > 0 ? 1 : 0);
