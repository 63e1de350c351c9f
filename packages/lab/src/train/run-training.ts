/** A training run in a folder: `checkpoint.safetensors`, `losses.jsonl` and, at its end, `model/`. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { CoreError } from "@amulet-ts/core";
import { type ModelTokenizer, makeFolders, openTokenizer, reasonOf, writeAtomically } from "@amulet-ts/files";
import { defineModel, type ModelDefinition } from "@amulet-ts/models";
import * as tf from "@tensorflow/tfjs-core";
import { LabError } from "../errors.js";
import type { TokenizerFiles } from "../tokenizer/write-tokenizer.js";
import type { Batch, BatchStream } from "./batches.js";
import {
  checkTensors,
  loadCheckpoint,
  type RunRecord,
  readRecord,
  saveCheckpoint,
} from "./checkpoint-file.js";
import { isThere } from "./is-there.js";
import { LossLog } from "./loss-log.js";
import { initialWeights, llamaConfig, type ModelConfig } from "./model-shape.js";
import { disposeTrained, startTraining } from "./optimiser/adamw.js";
import { type Pause, pauseUntil } from "./pause.js";
import { readWeights, saveModel } from "./save-model.js";
import { checkSettings, type TrainingSettings } from "./settings.js";
import { meanLoss, type StepReport, Trainer } from "./trainer.js";
import {
  batchesOf,
  type Corpus,
  fillerOf,
  learnTokenizer,
  trainingBatches,
  validationSet,
} from "./training-data.js";

export interface TrainingProgress extends StepReport {
  readonly steps: number;
  /** Tokens read a second, and seconds until the last step, by the steps just done. */
  readonly tokensPerSecond: number;
  readonly secondsLeft: number;
  /** The newest measurement. */
  readonly validation: number | undefined;
}

export interface RunOptions {
  readonly folder: string;
  readonly corpus: Corpus;
  /** Of a run that goes on: those of its checkpoint hold. */
  readonly settings: TrainingSettings;
  /** The backend that runs, for the record; of a run that goes on: the one its checkpoint names. */
  readonly backend?: string;
  /** Go on from the folder's checkpoint. */
  readonly resume?: boolean;
  /** Steps between two checkpoints, and between two measurements of the validation loss. */
  readonly saveEvery?: number;
  readonly validateEvery?: number;
  /** Ends the run after the step that it is at; its checkpoint is saved then. */
  readonly signal?: AbortSignal;
  readonly onStep?: (progress: TrainingProgress) => void;
}

export interface RunResult {
  readonly settings: TrainingSettings;
  readonly stepsDone: number;
  /** Spent training, in all parts of the run. */
  readonly seconds: number;
  /** Of the model as it was written, in bfloat16. */
  readonly validationLoss: number;
  /** Where the model is. */
  readonly modelFolder: string;
}

/**
 * Trains until the steps are done; the host has its turn between two steps, and while a run is prepared.
 *
 * @throws CoreError `aborted`: the checkpoint of the last step is saved, and `resume` goes on with it
 * @throws LabError `run-exists` for a folder with files of a run that is not to be resumed, `bad-folder`,
 *   `bad-checkpoint`, `bad-settings`, `diverged` when the loss is no number any more: a checkpoint is whole and useful
 */
export async function runTraining(options: RunOptions): Promise<RunResult> {
  const run = await (options.resume ? resumeRun(options) : startRun(options));
  try {
    await trainSteps(run, options);
    return await finishRun(run, options.signal);
  } finally {
    run.trainer.dispose();
  }
}

interface Run {
  readonly folder: string;
  readonly settings: TrainingSettings;
  readonly tokenizer: TokenizerFiles;
  readonly config: ModelConfig;
  readonly definition: ModelDefinition;
  readonly trainer: Trainer;
  readonly batches: BatchStream;
  readonly validation: readonly Batch[];
  readonly log: LossLog;
  readonly backend?: string;
  seconds: number;
}

const checkpointName = "checkpoint.safetensors";

/** What the run in a folder was begun with. @throws LabError `bad-checkpoint` */
export function readRunRecord(folder: string): Promise<RunRecord> {
  return readRecord(join(folder, checkpointName));
}

async function startRun({ folder, settings, corpus, backend, signal }: RunOptions): Promise<Run> {
  checkSettings(settings);
  await refuseOldRun(folder);
  await makeRunFolder(folder);
  const pause = pauseUntil(signal);
  const ready = await prepare(folder, settings, corpus, await learnTokenizer(corpus, settings, pause), pause);
  const trained = startTraining(initialWeights(ready.definition, settings.seed));
  const trainer = new Trainer(ready.definition, trained, 0, settings);
  return { ...ready, trainer, seconds: 0, ...(backend !== undefined && { backend }) };
}

async function resumeRun({ folder, corpus, signal }: RunOptions): Promise<Run> {
  const path = join(folder, checkpointName);
  const { trained, stepsDone, record } = await loadCheckpoint(path);
  const { settings, tokenizer, ...more } = record;
  try {
    await makeRunFolder(folder);
    const ready = await prepare(folder, settings, corpus, tokenizer, pauseUntil(signal));
    checkTensors(path, trained, ready.definition.shapes);
    await ready.log.keepUntil(stepsDone);
    return { ...ready, ...more, trainer: new Trainer(ready.definition, trained, stepsDone, settings) };
  } catch (error) {
    disposeTrained(trained);
    throw error;
  }
}

async function refuseOldRun(folder: string): Promise<void> {
  if (await isThere(join(folder, checkpointName))) {
    throw new LabError(
      "run-exists",
      `${folder} holds a training run already: go on with --resume, or name another folder.`,
    );
  }
  for (const name of ["losses.jsonl", "model"]) await refuseOldFile(join(folder, name), folder);
}

async function refuseOldFile(path: string, folder: string): Promise<void> {
  if (!(await isThere(path))) return;
  throw new LabError(
    "run-exists",
    `${path} is there already, and a run in ${folder} would write over it: remove it, or name another folder.`,
  );
}

/** Makes the folder, and sees that files can be made in it, before anything is computed. */
async function makeRunFolder(folder: string): Promise<void> {
  try {
    await makeFolders(folder);
    await rm(await mkdtemp(join(folder, ".writable-")), { recursive: true });
  } catch (cause) {
    const why = reasonOf(cause);
    const message = `A run needs a folder to write into, and ${folder} is none: ${why}. Name another folder.`;
    throw new LabError("bad-folder", message, { cause });
  }
}

/** Through files, as whoever loads the model opens it; the run's own come when it is done. */
async function openTexts(tokenizer: TokenizerFiles): Promise<ModelTokenizer> {
  const folder = await mkdtemp(join(tmpdir(), "amulet-tokenizer-"));
  try {
    for (const [name, text] of Object.entries(tokenizer)) await writeAtomically(join(folder, name), text);
    return await openTokenizer(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** All but tensors. */
async function prepare(
  folder: string,
  settings: TrainingSettings,
  corpus: Corpus,
  tokenizer: TokenizerFiles,
  pause: Pause,
): Promise<Omit<Run, "trainer" | "seconds">> {
  const text = await openTexts(tokenizer);
  const { rows, shape } = settings;
  const filler = fillerOf(text);
  const config = llamaConfig(shape, { vocabularySize: text.tokenizer.vocabularySize, endToken: filler });
  const held = await validationSet(corpus, text, shape.max_position_embeddings, pause);
  return {
    ...{ folder, settings, tokenizer, config },
    definition: defineModel(config),
    log: new LossLog(join(folder, "losses.jsonl")),
    validation: batchesOf(held, rows, filler),
    batches: trainingBatches(corpus, text, settings, pause),
  };
}

async function trainSteps(run: Run, options: RunOptions): Promise<void> {
  try {
    await takeSteps(run, options);
  } catch (error) {
    if (error instanceof CoreError && error.code === "aborted") await saveRun(run);
    throw error;
  }
  await saveRun(run);
}

async function takeSteps(run: Run, options: RunOptions): Promise<void> {
  const { saveEvery = 200, validateEvery = 200, signal, onStep } = options;
  const { steps } = run.settings.schedule;
  const pace = new Pace();
  let latest: number | undefined;
  const pause = pauseUntil(signal);
  // A step is done when it is measured and logged.
  const unstoppable = pauseUntil();
  while (run.trainer.state.stepsDone < steps) {
    await pause();
    const report = await timeStep(run);
    const measures = report.step % validateEvery === 0 || report.step === steps;
    if (measures) latest = await meanLoss(run.definition, run.trainer.weights, run.validation, unstoppable);
    await run.log.add({ ...report, ...(measures && { validation: latest! }) });
    const tokensPerSecond = pace.add(report.tokens);
    const secondsLeft = pace.secondsPerStep * (steps - report.step);
    onStep?.({ ...report, steps, tokensPerSecond, secondsLeft, validation: latest });
    if (report.step % saveEvery === 0) await saveRun(run);
  }
}

async function timeStep(run: Run): Promise<StepReport> {
  const started = performance.now();
  const report = await run.trainer.step(await run.batches.batchOf(run.trainer.state.stepsDone));
  run.seconds += (performance.now() - started) / 1000;
  if (Number.isFinite(report.loss) && Number.isFinite(report.gradientNorm)) return report;
  return refuseDiverged(report.step, report);
}

function refuseDiverged(
  step: number,
  { loss, gradientNorm }: { loss: number; gradientNorm?: number },
): never {
  const slope = gradientNorm === undefined ? "" : ` and its gradient's length ${gradientNorm}`;
  throw new LabError(
    "diverged",
    `The loss of step ${step} is ${loss}${slope}: training has diverged. Take a smaller learning rate.`,
  );
}

/** Not before loss and gradient are seen to be numbers after the step: the last checkpoint of use stays. */
async function saveRun(run: Run): Promise<void> {
  const { folder, trainer, settings, tokenizer, seconds, backend } = run;
  const { state } = trainer;
  const next = await trainer.measure(run.validation[0]!);
  if (!Number.isFinite(next.loss) || !Number.isFinite(next.gradientNorm)) {
    refuseDiverged(state.stepsDone, next);
  }
  const record = { settings, tokenizer, seconds, ...(backend !== undefined && { backend }) };
  await saveCheckpoint(join(folder, checkpointName), state, record);
}

async function finishRun(run: Run, signal: AbortSignal | undefined): Promise<RunResult> {
  const { folder, trainer, settings, seconds } = run;
  const { stepsDone } = trainer.state;
  const modelFolder = join(folder, "model");
  await saveModel(modelFolder, { ...run, weights: trainer.weights });
  const weights = await readWeights(modelFolder);
  try {
    const validationLoss = await meanLoss(run.definition, weights, run.validation, pauseUntil(signal));
    if (Number.isFinite(validationLoss)) return { settings, stepsDone, seconds, modelFolder, validationLoss };
    await rm(join(modelFolder, "model.safetensors"));
    return refuseDiverged(stepsDone, { loss: validationLoss });
  } finally {
    tf.dispose([...weights.values()]);
  }
}

/** How fast the last steps were. */
class Pace {
  private readonly recent: { readonly time: number; readonly tokens: number }[] = [];

  constructor(private readonly window = 50) {
    this.recent.push({ time: performance.now(), tokens: 0 });
  }

  /** @returns tokens a second */
  add(tokens: number): number {
    this.recent.push({ time: performance.now(), tokens });
    if (this.recent.length > this.window) this.recent.shift();
    const read = this.recent.slice(1).reduce((sum, step) => sum + step.tokens, 0);
    return read / this.seconds;
  }

  get secondsPerStep(): number {
    return this.seconds / (this.recent.length - 1);
  }

  private get seconds(): number {
    return (this.recent.at(-1)!.time - this.recent[0]!.time) / 1000;
  }
}
