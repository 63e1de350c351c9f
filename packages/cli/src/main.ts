/** The amulet command: dispatch, errors, exit status. */
import { CoreError } from "@amulet-ts/core";
import { reasonOf, systemCodeOf } from "@amulet-ts/files";
import type { Command } from "./command.js";
import { type CommandName, commands } from "./commands/table.js";
import { CliError } from "./errors.js";
import { formatCommandHelp, formatHelp } from "./help.js";
import type { Io } from "./io.js";
import { type CommandLine, parseCommandLine } from "./options/parse-command-line.js";
import { colorsFor } from "./terminal/colors.js";
import { writeNote, writeRows, writeStack } from "./terminal/output.js";
import { readVersion } from "./version.js";

export { processIo } from "./io.js";

/** 0 done, 1 it failed, 2 wrong usage, 130 interrupted, 143 interrupted by SIGTERM. */
export type ExitStatus = 0 | 1 | 2 | 130 | 143;

/**
 * Runs the command. Never throws: what goes wrong is one sentence on standard error.
 *
 * @param words the arguments, without those of Node
 */
export async function main(words: readonly string[], io: Io): Promise<ExitStatus> {
  try {
    await dispatch(parseCommandLine(words), io);
    return 0;
  } catch (error) {
    if (io.signal.aborted) return io.interruptedStatus?.() ?? 130;
    report(error, words.includes("--debug"), io);
    return statusOf(error);
  }
}

async function dispatch(line: CommandLine, io: Io): Promise<void> {
  if (line.kind === "version") return writeRows(io, [await readVersion()]);
  if (line.kind === "help") return writeRows(io, [helpText(line.command, io).trimEnd()]);
  const command: Command = commands[line.command];
  const { run } = await command.load();
  const { values, question, words } = line;
  await run({ values, io, words, ...(question !== undefined && { question }) });
}

function helpText(command: CommandName | undefined, io: Io): string {
  const colors = colorsFor(io.stdout, io.environment);
  return command === undefined ? formatHelp(colors) : formatCommandHelp(command, colors);
}

function report(error: unknown, withStack: boolean, io: Io): void {
  const failure = error instanceof Error ? error : new Error(String(error));
  if (withStack) writeStack(io, `amulet: ${failure.stack ?? failure.message}`);
  else writeNote(io, sentenceOf(failure).trim());
}

/** What the system or V8 refused where none of our packages had a sentence for it. */
function sentenceOf(failure: Error): string {
  if (systemCodeOf(failure) !== undefined) {
    const { path, syscall } = failure as NodeJS.ErrnoException;
    return `${path ?? syscall} can't be used: ${reasonOf(failure)}.`;
  }
  if (failure instanceof RangeError && /call stack/.test(failure.message))
    return "Something that was given is longer, or nested deeper, than this can work with. --debug shows where it ended.";
  return failure.message;
}

/** What the caller wrote is wrong (2), or it could not be done (1). */
function statusOf(error: unknown): 1 | 2 {
  if (error instanceof CliError) return error.code === "usage" ? 2 : 1;
  const usage = ["bad-strength", "bad-sampling", "bad-request"];
  return error instanceof CoreError && usage.includes(error.code) ? 2 : 1;
}
