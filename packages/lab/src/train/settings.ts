/** Everything that decides what a training run gives, apart from the backend. */
import * as v from "valibot";
import { LabError } from "../errors.js";
import { defaultShape, type ModelShape, shapeSchema } from "./model-shape.js";
import type { AdamWSettings } from "./optimiser/adamw.js";
import type { Schedule } from "./optimiser/schedule.js";

export interface TrainingSettings {
  /** Of the corpus and of the first weights. */
  readonly seed: number;
  /** Examples of a step. */
  readonly rows: number;
  readonly vocabularySize: number;
  readonly shape: ModelShape;
  readonly schedule: Schedule;
  readonly adamw: AdamWSettings;
}

/** Settings as a file holds them: every one is there. */
export const settingsSchema = v.object({
  seed: v.number(),
  rows: v.number(),
  vocabularySize: v.number(),
  shape: shapeSchema,
  schedule: v.object({ steps: v.number(), warmUp: v.number(), peak: v.number(), floor: v.number() }),
  adamw: v.object({
    beta1: v.number(),
    beta2: v.number(),
    epsilon: v.number(),
    weightDecay: v.number(),
    clipNorm: v.number(),
  }),
}) satisfies v.GenericSchema<TrainingSettings>;

/** Those of the model that ships with this package. */
export const defaultSettings: TrainingSettings = {
  seed: 0,
  rows: 48,
  vocabularySize: 2048,
  shape: defaultShape,
  schedule: { steps: 3000, warmUp: 100, peak: 2e-3, floor: 0.1 },
  adamw: { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1, clipNorm: 1 },
};

/** Examples of a step whose rows no machine would hold beyond that. */
export const mostRows = 2 ** 16;

/** @throws LabError `bad-settings` */
export function checkSettings({ schedule, rows }: TrainingSettings): void {
  const problem =
    (schedule.steps < 1 && `steps must be at least 1; they are ${schedule.steps}`) ||
    ((rows < 1 || rows > mostRows) && `a step must have from 1 to ${mostRows} examples; it has ${rows}`) ||
    (schedule.peak <= 0 && `the learning rate must be above 0; it is ${schedule.peak}`);
  if (problem) throw new LabError("bad-settings", `This cannot be trained: ${problem}.`);
}
