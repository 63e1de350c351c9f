/** `amulet eval report`: what a run came to, in the terminal and as files in its folder. */
import { join } from "node:path";
import { compareRuns, type RunSummary, summariseRun, writeHtml, writeMarkdown } from "@amulet-ts/eval";
import { writeAtomically } from "@amulet-ts/files";
import type { Invocation } from "../../command.js";
import { CliError } from "../../errors.js";
import type { Io } from "../../io.js";
import { writeJson, writeNote, writeRows } from "../../terminal/output.js";
import type { ActionValues } from "./command.js";
import { oneFolder } from "./folders.js";
import { type JudgedRun, readJudgedRun } from "./judged-run.js";
import { formatChanges, formatRun } from "./report-view.js";

export async function run({ values, words, io }: Invocation<ActionValues<"report">>): Promise<void> {
  const folder = oneFolder(words, "report");
  if (values.against === undefined) await reportRun(folder, values, io);
  else await compareFolders(values.against, folder, values, io);
}

/** @throws CliError `unreadable-input` for a run without answers, EvaluationError `bad-file`, `bad-score` */
export async function reportRun(
  folder: string,
  { json = false }: { readonly json?: boolean },
  io: Io,
): Promise<void> {
  const run = await readJudgedRun(folder);
  const summary = summariseRun(run.plan, run.judged, run.scorer);
  await writeReports(folder, summary, run);
  if (json) return writeJson(io, summary);
  writeRows(io, formatRun(summary, io));
  if (run.partial.length > 0)
    writeNote(io, `${run.partial.join(" and ")} left out: measured for a part of the answers only.`);
  writeNote(
    io,
    `${join(folder, "report.html")} shows it with answers side by side; report.md and report.json have all of it.`,
  );
}

async function writeReports(folder: string, summary: RunSummary, { judged }: JudgedRun): Promise<void> {
  await writeAtomically(join(folder, "report.json"), `${JSON.stringify(summary, null, 1)}\n`);
  await writeAtomically(join(folder, "report.md"), writeMarkdown(summary));
  await writeAtomically(join(folder, "report.html"), await writeHtml(summary, judged));
}

/** @throws CliError `unreadable-input` for runs that have nothing in common */
async function compareFolders(
  before: string,
  after: string,
  { json = false }: { readonly json?: boolean },
  io: Io,
): Promise<void> {
  const [first, second] = [await readJudgedRun(before), await readJudgedRun(after)];
  const names = first.scorer.names.filter((name) => second.scorer.names.includes(name));
  const changes = compareRuns(first.judged, second.judged, names);
  if (changes.length === 0 || names.length === 0) {
    throw new CliError(
      "unreadable-input",
      `${before} and ${after} have no question, preference, setting and score in common.`,
    );
  }
  if (json) return writeJson(io, { before, after, changes });
  writeRows(io, formatChanges(changes, names, io));
}
