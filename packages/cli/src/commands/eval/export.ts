/** `amulet eval export`: a run's answers or numbers for other programs. */
import { summariseRun, writeCsv, writeJsonLines, writeLatex } from "@amulet-ts/eval";
import type { Invocation } from "../../command.js";
import { writeText } from "../../terminal/output.js";
import type { ActionValues } from "./command.js";
import { oneFolder } from "./folders.js";
import { type JudgedRun, readJudgedRun } from "./judged-run.js";

const writers = {
  csv: ({ judged, scorer }: JudgedRun) => writeCsv(judged, scorer.names),
  jsonl: ({ judged }: JudgedRun) => writeJsonLines(judged),
  latex: ({ plan, judged, scorer }: JudgedRun) => writeLatex(summariseRun(plan, judged, scorer)),
};

export async function run({ values, words, io }: Invocation<ActionValues<"export">>): Promise<void> {
  const { format = values.json ? "jsonl" : "csv" } = values;
  const found = await readJudgedRun(oneFolder(words, "export"));
  writeText(io, writers[format](found));
}
