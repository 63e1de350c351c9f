/** `amulet lab train`: trains the tiny model; a long run can be interrupted and goes on where it was. */

import { basename } from "node:path";
import { type RunningBackend, startBackend } from "@amulet-ts/backends";
import {
  defaultSettings,
  type RunResult,
  runTraining,
  sampleExamples,
  type TrainingProgress,
  type TrainingSettings,
  writeModelCard,
} from "@amulet-ts/lab";
import { loadModel } from "@amulet-ts/models";
import type { Invocation } from "../command.js";
import { usageError } from "../errors.js";
import type { Io } from "../io.js";
import type { OptionValues } from "../options.js";
import { formatNumber, writeJson, writeNote } from "../output.js";
import { isLively } from "../terminal/colors.js";
import { formatDuration } from "../terminal/download-rate.js";
import { Progress } from "../terminal/progress.js";

export async function run({ values, words, io }: Invocation): Promise<void> {
  if (words.length > 0) throw usageError(`\`amulet lab train\` takes options only; got ${words.join(" ")}.`);
  const { out: folder, resume = false, "save-every": saveEvery = 200 } = values;
  if (folder === undefined) throw usageError("Where shall the model go? Name a folder: --out FOLDER.");
  if (resume) refuseNewSettings(values);
  const backend = await startBackend(values.backend);
  const view = new TrainingView(io);
  const result = await runTraining({
    folder,
    corpus: sampleExamples,
    settings: settingsFrom(values),
    resume,
    saveEvery,
    signal: io.signal,
    onStep: (progress) => view.show(progress),
  }).finally(() => view.close());
  if (!result.finished) return leaveUnfinished(result, folder, io);
  using model = await loadModel(result.modelFolder, { memory: backend.memory });
  const command = describeCommand(result.settings, folder, backend);
  const asked = values.pairs === undefined ? {} : { pairs: values.pairs };
  const sources = { result, command, backend: backend.description, model, signal: io.signal, ...asked };
  const record = await writeModelCard(sources);
  if (values.json) return writeJson(io, { modelFolder: result.modelFolder, ...record });
  io.stdout.write(`${result.modelFolder}\n`);
}

/** What gives the same model on the same backend, whatever the defaults become. */
function describeCommand(settings: TrainingSettings, folder: string, { name }: RunningBackend): string {
  const { seed, rows, schedule } = settings;
  const numbers = `--steps ${schedule.steps} --rows ${rows} --learning-rate ${schedule.peak} --seed ${seed}`;
  return `amulet lab train --out ${basename(folder)} --backend ${name} ${numbers}`;
}

const setAtTheStart = ["steps", "seed", "rows", "learning-rate"] as const;

function refuseNewSettings(values: OptionValues): void {
  const given = setAtTheStart.find((name) => values[name] !== undefined);
  if (given === undefined) return;
  throw usageError(`--${given} is what the run began with, and --resume goes on with that: leave it out.`);
}

function settingsFrom({ steps, seed, rows, "learning-rate": peak }: OptionValues): TrainingSettings {
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

/** Interrupted: the checkpoint is there, and the signal's reason makes the exit status. */
function leaveUnfinished({ stepsDone, settings }: RunResult, folder: string, io: Io): never {
  const { steps } = settings.schedule;
  const resume = `amulet lab train --resume --out ${folder}`;
  writeNote(io, `stopped after step ${stepsDone} of ${steps}; \`${resume}\` goes on.`);
  throw io.signal.reason;
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
    this.io.stderr.write(`step ${step}/${steps} · ${facts.join(" · ")}\n`);
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
