/** Whether a path with "/" between names stays below the folder it is joined to, on every system and on the web. */
export function isSafePath(path: string): boolean {
  return path
    .split("/")
    .every((part) => /^[^\\:*?"<>|\p{Cc}]+$/u.test(part) && part !== "." && part !== "..");
}
