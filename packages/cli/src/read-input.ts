import { readTextIfThere, reasonOf } from "@amulet-ts/files";
import { CliError } from "./errors.js";
import type { Io } from "./io.js";

/** JSON from a file, or from standard input where its name is `-`. @throws CliError `unreadable-input` */
export async function readJsonInput(name: string, io: Io): Promise<unknown> {
  const source = name === "-" ? "standard input" : name;
  const text = await readTextInput(name, io);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new CliError("unreadable-input", `${source} is not JSON: ${reasonOf(cause)}.`, { cause });
  }
}

/** A text from a file, or from standard input where its name is `-`. @throws CliError `unreadable-input` */
export async function readTextInput(name: string, io: Io): Promise<string> {
  return name === "-" ? io.readInput() : readTextFile(name);
}

async function readTextFile(name: string): Promise<string> {
  const text = await readTextIfThere(name).catch((cause: Error) => {
    throw new CliError("unreadable-input", cause.message, { cause });
  });
  if (text !== undefined) return text;
  throw new CliError("unreadable-input", `There is no file ${name}.`);
}
