/** `amulet eval report`: what a run came to, in the terminal and as files in its folder. */
import { join } from "node:path";
import {
  judgeRun,
  type RunSummary,
  readAnswers,
  readRun,
  summariseRun,
  writeMarkdown,
} from "@amulet-ts/eval";
import { writeAtomically } from "@amulet-ts/files";
import type { Invocation } from "../../command.js";
import { CliError } from "../../errors.js";
import type { Io } from "../../io.js";
import { writeJson, writeNote, writeRows } from "../../terminal/output.js";
import type { ActionValues } from "./command.js";
import { oneFolder } from "./folders.js";
import { scorerOf } from "./known.js";
import { formatRun } from "./report-view.js";

export async function run({ values, words, io }: Invocation<ActionValues<"report">>): Promise<void> {
  await reportRun(oneFolder(words, "report"), values, io);
}

/** @throws CliError `unreadable-input` for a run without answers, EvaluationError `bad-file`, `bad-score` */
export async function reportRun(
  folder: string,
  { json = false }: { readonly json?: boolean },
  io: Io,
): Promise<void> {
  const plan = await readRun(folder);
  const scorer = scorerOf(plan);
  const judged = await judgeRun(plan, await readAnswers(folder), scorer);
  if (judged.length === 0)
    throw new CliError(
      "unreadable-input",
      `There is no answer in ${folder} yet: amulet eval run --out ${folder}`,
    );
  const summary = summariseRun(plan, judged, scorer);
  await writeReports(folder, summary);
  if (json) return writeJson(io, summary);
  writeRows(io, formatRun(summary, io));
  writeNote(io, `${join(folder, "report.md")} and report.json have all of it.`);
}

async function writeReports(folder: string, summary: RunSummary): Promise<void> {
  await writeAtomically(join(folder, "report.json"), `${JSON.stringify(summary, null, 1)}\n`);
  await writeAtomically(join(folder, "report.md"), writeMarkdown(summary));
}
