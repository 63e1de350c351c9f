import { FilesError } from "../../errors.js";
import { systemCodeOf } from "../../places/system-errors.js";

const forbidden = ["EACCES", "EPERM", "EROFS"];
const full = ["ENOSPC", "EDQUOT"];
const noHandles = ["EMFILE", "ENFILE"];

function codeOf(error: unknown): string | undefined {
  const isWrapped = error instanceof FilesError && error.code === "file-unwritable";
  return systemCodeOf(isWrapped ? error.cause : error);
}

/** What the disk refused, in a sentence with what to do; every other error as it is. */
export function explainDiskTrouble(error: unknown, cacheFolder: string): unknown {
  const code = codeOf(error);
  if (code === undefined) return error;
  const explain = (what: string) =>
    new FilesError("hub", `The cache ${cacheFolder} ${what}.`, { cause: error });
  if (forbidden.includes(code))
    return explain(
      `can't be read or written (${code}): name a folder that can be with HF_HUB_CACHE, or change its permissions`,
    );
  if (full.includes(code))
    return explain(
      `is on a disk that is full (${code}): make room (\`amulet models remove\`), or put it on another with HF_HUB_CACHE`,
    );
  if (noHandles.includes(code))
    return explain(`can't be used (${code}): too many files are open; close some, or allow more (ulimit -n)`);
  return explain(`can't be used (${code}): see what is in its place, or name another with HF_HUB_CACHE`);
}

/** Does what is only good to have, such as a note for the next time; a cache that can't be written goes without. */
export async function whereAllowed(work: Promise<unknown>): Promise<void> {
  await work.catch((error: unknown) => {
    if (!forbidden.includes(codeOf(error) ?? "")) throw error;
  });
}
