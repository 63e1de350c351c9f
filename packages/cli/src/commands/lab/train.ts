/** `amulet lab train`: trains the tiny model; a long run can be interrupted and goes on where it was. */

import { basename } from "node:path";
import { type RunningBackend, startBackend } from "@amulet-ts/backends";
import {
  defaultSettings,
  heldOutPairs,
  readRunRecord,
  runTraining,
  sampleExamples,
  type TrainingProgress,
  type TrainingSettings,
  writeModelCard,
} from "@amulet-ts/lab";
import { loadModel } from "@amulet-ts/models";
import type { Invocation } from "../../command.js";
import { usageError } from "../../errors.js";
import type { Io } from "../../io.js";
import { isLively } from "../../terminal/colors.js";
import { formatDuration } from "../../terminal/download-rate.js";
import { formatNumber, writeAside, writeJson, writeNote, writeText } from "../../terminal/output.js";
import { Progress } from "../../terminal/progress.js";
import type { ActionValues } from "./command.js";

type TrainValues = ActionValues<"train">;

export async function run({ values, words, io }: Invocation<TrainValues>): Promise<void> {
  if (words.length > 0) throw usageError(`\`amulet lab train\` takes options only; got ${words.join(" ")}.`);
  const { out: folder, resume = false, "save-every": saveEvery = 200 } = values;
  if (folder === undefined) throw usageError("Where shall the model go? Name a folder: --out FOLDER.");
  if (resume) refuseNewSettings(values);
  checkPairCount(values);
  const backend = await startBackend(resume ? await backendOfRun(folder, values) : values.backend);
  for (const why of backend.passedOver) writeNote(io, why);
  const view = new TrainingView(io);
  let last: TrainingProgress | undefined;
  io.allowLongSteps?.();
  const result = await runTraining({
    folder,
    corpus: sampleExamples,
    settings: settingsFrom(values),
    backend: backend.name,
    resume,
    saveEvery,
    signal: io.signal,
    onStep(progress) {
      last = progress;
      view.show(progress);
    },
  }).finally(() => {
    view.close();
    if (last && last.step < last.steps && io.signal.aborted) tellHowToGoOn(last, folder, backend, io);
  });
  using model = await loadModel(result.modelFolder, { memory: backend.memory });
  const command = describeCommand(result.settings, folder, backend, io);
  const asked = values.pairs === undefined ? {} : { pairs: values.pairs };
  const sources = { result, command, backend: backend.description, model, signal: io.signal, ...asked };
  const record = await writeModelCard(sources);
  if (values.json) return writeJson(io, { modelFolder: result.modelFolder, ...record });
  writeText(io, `${result.modelFolder}\n`);
}

/** One backend rounds otherwise than another: a run stays with that it began with. @throws CliError `usage` */
async function backendOfRun(folder: string, { backend }: TrainValues): Promise<string | undefined> {
  const { backend: first } = await readRunRecord(folder);
  if (first === undefined || backend === undefined || backend === first) return first ?? backend;
  throw usageError(
    `The run in ${folder} began on the backend ${first}, and --resume goes on with that: leave out --backend ${backend}.`,
  );
}

/** Before hours of training. @throws CliError `usage` */
function checkPairCount({ pairs = 0 }: TrainValues): void {
  const most = heldOutPairs().length;
  if (pairs <= most) return;
  throw usageError(`--pairs must be at most ${most}, the number of held-out pairs; it is ${pairs}.`);
}

/**
 * What gives the same model on the same backend, as long as the defaults of what no option sets stay: the shape, the
 * vocabulary, the warm-up and AdamW's numbers, all of which training.json has. How libtensorflow sums depends on
 * oneDNN, so its setting belongs to the command.
 */
export function describeCommand(
  settings: TrainingSettings,
  folder: string,
  { name }: Pick<RunningBackend, "name">,
  { environment }: Pick<Io, "environment">,
): string {
  const { seed, rows, schedule } = settings;
  const numbers = `--steps ${schedule.steps} --rows ${rows} --learning-rate ${schedule.peak} --seed ${seed}`;
  const oneDnn = name === "node" ? environment.TF_ENABLE_ONEDNN_OPTS : undefined;
  const setting = oneDnn === undefined ? "" : `TF_ENABLE_ONEDNN_OPTS=${oneDnn} `;
  return `${setting}amulet lab train --out ${basename(folder)} --backend ${name} ${numbers}`;
}

const setAtTheStart = ["steps", "seed", "rows", "learning-rate"] as const;

function refuseNewSettings(values: TrainValues): void {
  const given = setAtTheStart.find((name) => values[name] !== undefined);
  if (given === undefined) return;
  throw usageError(`--${given} is what the run began with, and --resume goes on with that: leave it out.`);
}

function settingsFrom({ steps, seed, rows, "learning-rate": peak }: TrainValues): TrainingSettings {
  const { schedule } = defaultSettings;
  const planned = steps ?? schedule.steps;
  return {
    ...defaultSettings,
    seed: seed ?? defaultSettings.seed,
    rows: rows ?? defaultSettings.rows,
    schedule: {
      ...schedule,
      steps: planned,
      // A short run gets warm in a tenth of its steps.
      warmUp: Math.min(schedule.warmUp, Math.ceil(planned / 10)),
      peak: peak ?? schedule.peak,
    },
  };
}

/** Interrupted: the checkpoint is there. */
function tellHowToGoOn(
  { step, steps }: TrainingProgress,
  folder: string,
  { name }: RunningBackend,
  io: Io,
): void {
  const resume = `amulet lab train --resume --out ${folder} --backend ${name}`;
  writeNote(io, `stopped after step ${step} of ${steps}; \`${resume}\` goes on.`);
}

/** A bar on a terminal; elsewhere a line now and then. */
class TrainingView {
  private readonly bar: Progress;
  private readonly isLively: boolean;
  private lastLine = Number.NEGATIVE_INFINITY;

  constructor(private readonly io: Io) {
    this.bar = new Progress(io, "Training");
    this.isLively = isLively(io.stderr, io.environment);
  }

  show(progress: TrainingProgress): void {
    const facts = describe(progress);
    if (this.isLively) this.bar.update(progress.step, progress.steps, facts);
    else this.writeLine(progress, facts);
  }

  close(): void {
    this.bar.clear();
  }

  private writeLine({ step, steps }: TrainingProgress, facts: readonly string[]): void {
    if (step < steps && performance.now() - this.lastLine < millisecondsBetweenLines) return;
    this.lastLine = performance.now();
    writeAside(this.io, `step ${step}/${steps} · ${facts.join(" · ")}`);
  }
}

const millisecondsBetweenLines = 10_000;

function describe(progress: TrainingProgress): string[] {
  const { loss, validation, learningRate, tokensPerSecond, secondsLeft } = progress;
  return [
    `loss ${loss.toFixed(3)}`,
    ...(validation === undefined ? [] : [`validation ${validation.toFixed(3)}`]),
    `rate ${formatNumber(learningRate)}`,
    `${Math.round(tokensPerSecond)} tokens/s`,
    `${formatDuration(secondsLeft)} left`,
  ];
}
