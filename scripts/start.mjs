/** `npm start -- …`: the amulet command on a fresh clone. */
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { prepare, root } from "./prepare.mjs";

prepare();
await import(pathToFileURL(join(root, "packages/cli/bin/amulet.js")).href);
