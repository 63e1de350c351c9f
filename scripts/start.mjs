/** `npm start -- …`: the amulet command on a fresh clone; without arguments, its comparison on questions of its own. */
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { prepare, root } from "./prepare.mjs";

prepare();
if (process.argv.length === 2) process.argv.push("compare");
await import(pathToFileURL(join(root, "packages/cli/bin/amulet.js")).href);
