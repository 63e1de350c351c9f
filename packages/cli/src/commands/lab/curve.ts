import { join } from "node:path";
import {
  type Cell,
  CellFile,
  computeCells,
  countCells,
  identifyRun,
  type RunWork,
  settingsOf,
} from "@amulet-ts/eval";
import { makeFolder, writeAtomically } from "@amulet-ts/files";
import {
  choosePairs,
  conclude,
  drawFigures,
  heldOutPairs,
  type LabScore,
  labScorer,
  preferenceSentenceOf,
  type QuestionPair,
  type Study,
  studyPlan,
} from "@amulet-ts/lab";
import type { Invocation } from "../../command.js";
import { usageError } from "../../errors.js";
import type { Io } from "../../io.js";
import { openModel } from "../../options/model.js";
import { digestModel } from "../../options/model-digest.js";
import { AnswersProgress } from "../../terminal/answers-progress.js";
import { writeFacts, writeJson, writeLines } from "../../terminal/output.js";
import type { ActionValues } from "./command.js";
import { formatStudy } from "./curve-view.js";

type CurveValues = ActionValues<"curve">;

const defaultPairs = 400;
/** The longest answer of the world, verbose in all five places, has 130. */
const defaultTokens = 144;

export async function run({ values, words, io }: Invocation<CurveValues>): Promise<void> {
  if (words.length > 0) throw usageError(`\`amulet lab curve\` takes options only; got ${words.join(" ")}.`);
  const { reported, choosing } = choosePairs(readPairCount(values));
  await using engine = await openModel(values, io);
  const { model } = engine;
  const work = planWork(values, [...reported, ...choosing], io);
  if (values.out === undefined) writeFacts(io, ["an interrupted run keeps nothing without --out FOLDER"]);
  const run = identifyRun(work, {
    model: `${model.name} ${await digestModel(engine.source)}`,
    backend: engine.backend.name,
  });
  const file =
    values.out === undefined ? undefined : await CellFile.open(join(values.out, "cells.jsonl"), run, work);
  const cells = await fillTable(model, work, file, io);
  const preferences = [...reported, ...choosing].map(({ preference }) => preference);
  const reportedPairs = reported.length;
  const study = conclude({ plan: studyPlan, cells, run, preferences, reportedPairs });
  if (values.out !== undefined) await writeStudy(study, values.out);
  if (values.json) writeJson(io, study);
  else writeLines(io, formatStudy(study, io));
}

type LabWork = RunWork<LabScore>;

/** @throws CliError `usage` */
function readPairCount({ pairs = defaultPairs }: CurveValues): number {
  const most = heldOutPairs().length;
  if (pairs <= most) return pairs;
  throw usageError(`--pairs must be at most ${most}, the number of held-out pairs; it is ${pairs}.`);
}

function planWork(values: CurveValues, pairs: readonly QuestionPair[], io: Io): LabWork {
  const { "max-new-tokens": maxNewTokens = defaultTokens, temperature = 0, seed = 0 } = values;
  return {
    pairs: pairs.map(({ question, preference }) => ({
      question,
      preference: preferenceSentenceOf(preference),
    })),
    settings: settingsOf(studyPlan),
    scorer: labScorer,
    answering: { maxNewTokens, temperature, seed, signal: io.signal },
  };
}

type Model = Parameters<typeof computeCells>[0];

/** All cells: those that the folder holds of an earlier run, and the rest as they are computed. */
async function fillTable(
  model: Model,
  work: LabWork,
  file: CellFile<LabScore> | undefined,
  io: Io,
): Promise<readonly Cell<LabScore>[]> {
  const cells: Cell<LabScore>[] = [...(file?.cells ?? [])];
  const progress = new AnswersProgress(io, cells.length, countCells(work));
  try {
    progress.update(cells.length);
    for await (const batch of computeCells(model, work, (pair) => file?.has(pair) ?? false)) {
      await file?.add(batch);
      cells.push(...batch);
      progress.update(cells.length);
    }
  } finally {
    progress.clear();
  }
  return cells;
}

async function writeStudy(study: Study, folder: string): Promise<void> {
  await makeFolder(folder);
  await writeAtomically(join(folder, "curve.json"), `${JSON.stringify(study, null, 2)}\n`);
  for (const { name, svg } of await drawFigures(study))
    await writeAtomically(join(folder, `${name}.svg`), svg);
}
