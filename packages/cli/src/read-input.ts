import { readFile } from "node:fs/promises";
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
  try {
    return await readFile(name, "utf8");
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === "ENOENT";
    const message = missing ? `There is no file ${name}.` : `${name} can't be read: ${reasonOf(cause)}.`;
    throw new CliError("unreadable-input", message, { cause });
  }
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message.replace(/\.$/, "") : String(cause);
}
