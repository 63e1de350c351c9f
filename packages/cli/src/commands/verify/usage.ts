/** What `amulet verify` refuses before it tries anything, in a sentence and with status 2. */
import { constants } from "node:fs";
import { access, realpath, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { listLaws, VerifyError } from "@amulet-ts/verify";
import { CliError, usageError } from "../../errors.js";
import { didYouMean } from "../../options/suggest.js";
import type { VerifyValues } from "./command.js";

/** @throws CliError `usage` for a law that there is not, with the names that there are */
export function checkLaws(names: readonly string[]): void {
  const known = listLaws().map(({ name }) => name);
  const unknown = names.find((name) => !known.includes(name));
  if (unknown === undefined) return;
  const meant = didYouMean(unknown, known);
  throw usageError(`There is no law ${JSON.stringify(unknown)}.${meant} There are: ${known.join(", ")}.`);
}

/** @throws CliError `usage` for options that exclude each other, and for a report that can't be written */
export async function checkUsage(values: VerifyValues): Promise<void> {
  checkJoin(values);
  checkPath(values);
  checkBounds(values);
  if (values.subject !== undefined && values.backend !== undefined) {
    throw usageError(
      "--subject judges what a file computes, wherever that runs; --backend is for ours. Give one.",
    );
  }
  checkEngine(values);
  if (values.report !== undefined) await checkPlace(values.report);
}

/** What says how to run, which earlier runs have settled. */
const settled = [
  "runs",
  "seed",
  "law",
  "subject",
  "path",
  "backend",
  "engine",
  "case-timeout",
  "case-memory",
] as const;

function checkJoin(values: VerifyValues): void {
  const beside = values.from && settled.find((name) => values[name] !== undefined);
  if (!beside) return;
  throw usageError(`--from puts earlier runs together as they are: --${beside} does nothing beside it.`);
}

function checkEngine({ engine, subject, backend }: VerifyValues): void {
  if (engine === undefined || (subject === undefined && (backend === undefined || engine === "tfjs"))) return;
  const other = subject === undefined ? "--backend, where our own forward passes compute," : "--subject";
  throw usageError(`--engine says what is judged, and so does ${other}: give one.`);
}

function checkBounds(values: VerifyValues): void {
  const alone = (["case-timeout", "case-memory"] as const).find((name) => values[name] !== undefined);
  if (alone === undefined || values.subject !== undefined) return;
  throw usageError(`--${alone} bounds what --subject names, in a process of its own: name a file.`);
}

function checkPath({ path, law }: VerifyValues): void {
  if (path === undefined) return;
  if (law?.length !== 1)
    throw usageError("--path replays a counterexample of one law: name that law with --law.");
  if (/^\d+(:\d+)*$/.test(path)) return;
  throw usageError(
    `--path must be the path of a counterexample, such as 1:0:1; it is ${JSON.stringify(path)}.`,
  );
}

/** Whether a report could be written there after all the work. */
async function checkPlace(report: string): Promise<void> {
  const refuse = (why: string, cause?: unknown) =>
    usageError(`No report can go to ${report}: ${why}.`, { cause });
  const folder = dirname(await realpath(report).catch(() => resolve(report)));
  const found = await stat(folder).catch(() => undefined);
  if (!found?.isDirectory()) throw refuse(`there is no folder ${folder}`);
  const there = await stat(report).catch(() => undefined);
  if (there?.isDirectory()) throw refuse("it is a folder; name a file in it");
  // A file is replaced by a new one in its folder; a pipe or a device is written to.
  const places = [...(there ? [report] : []), ...(there && !there.isFile() ? [] : [folder])];
  for (const place of places) {
    await access(place, constants.W_OK).catch((cause: unknown) => {
      throw refuse(`${place === report ? "it" : folder} may not be written`, cause);
    });
  }
}

/**
 * Does what has to be done before a law can be judged. What fails there says nothing of any law, so that it is not
 * told with a broken law's status.
 *
 * @throws CliError `usage` for whatever is missing, unreadable or not to be put together
 */
export async function preparing<T>(work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (!(cause instanceof Error) || (cause instanceof CliError && cause.code === "usage")) throw cause;
    throw usageError(cause.message, { cause });
  }
}

/** A path that its law has not is a wrong word, not a broken law. @throws CliError `usage` instead */
export function asUsage(error: unknown): unknown {
  const isInput = error instanceof VerifyError && error.code === "bad-input";
  return isInput ? usageError(error.message, { cause: error }) : error;
}

/** A word as a shell takes it for one. */
export function quoteWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
