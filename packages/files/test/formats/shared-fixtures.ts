import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const folder = new URL("../../../../../shared/fixtures/", import.meta.url);

/** Give as the condition of `skipIf`; the sentence belongs in the name of the suite. */
export const fixturesAbsent = !existsSync(folder);

export const fixture = (path: string) => fileURLToPath(new URL(path, folder));
