/** What an operating system refuses, in words. */

/** By their codes in Node; what is not here is told by its code alone. */
const words: Readonly<Record<string, string>> = {
  EACCES: "permission is denied",
  EBUSY: "something else uses it",
  EDQUOT: "no more may be stored there",
  EEXIST: "there is something of this name",
  EFBIG: "it is longer than a file may be there",
  EIO: "the disk reports a fault",
  EISDIR: "it is a folder",
  ELOOP: "its links lead in a circle",
  EMFILE: "too many files are open",
  ENAMETOOLONG: "the name is too long",
  ENFILE: "too many files are open",
  ENODEV: "there is no such device",
  ENOENT: "there is no such file or folder",
  ENOSPC: "there is no room left on the disk",
  ENOTDIR: "part of the path is no folder",
  ENOTEMPTY: "the folder is not empty",
  ENXIO: "there is no such device",
  EPERM: "it is not permitted",
  EROFS: "the disk can only be read",
  ETXTBSY: "it is a program that runs",
};

/** The code of a call that the system refused, such as ENOENT; nothing of any other error. */
export function systemCodeOf(error: unknown): string | undefined {
  const isSystems = error instanceof Error && "code" in error && "syscall" in error;
  return isSystems && typeof error.code === "string" ? error.code : undefined;
}

/** Why something failed, in as few words as its error allows; the code of a system's refusal stands behind them. */
export function reasonOf(error: unknown): string {
  const code = systemCodeOf(error);
  if (code !== undefined) return Object.hasOwn(words, code) ? `${words[code]} (${code})` : code;
  if (!(error instanceof Error)) return String(error);
  return "code" in error && typeof error.code === "string" ? error.code : error.message.replace(/\.$/, "");
}
