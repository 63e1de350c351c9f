import { usageError } from "../../errors.js";

export const defaultFolder = "amulet-eval";

/** The one folder that a command names, or the one that `eval run` writes to. @throws CliError `usage` */
export function oneFolder(words: readonly string[], action: string): string {
  const [folder = defaultFolder, second] = words;
  if (second === undefined) return folder;
  throw usageError(`\`amulet eval ${action}\` takes one folder; got ${words.join(" ")}.`);
}
