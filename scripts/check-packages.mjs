/** Every package as npm would publish it; what is private never is. */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { prepare, root } from "./prepare.mjs";

prepare();
const isPublished = (name) =>
  !JSON.parse(readFileSync(join(root, "packages", name, "package.json"), "utf8")).private;
const published = readdirSync(join(root, "packages")).filter(isPublished);
const failed = published.filter((name) => {
  const { status } = spawnSync("npx", ["publint", "--strict", join("packages", name)], {
    cwd: root,
    stdio: "inherit",
  });
  return status !== 0;
});
if (failed.length > 0) console.error(`Not fit to be published: ${failed.join(", ")}.`);
process.exit(failed.length > 0 ? 1 : 0);
