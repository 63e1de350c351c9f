/** `amulet lab`: options and help of all that is done with the tiny model and its language. */
import { type Command, defineCommand } from "../../command.js";
import { flag, number, positive, text, type ValuesOfGroups, wholeFrom } from "../../options/kinds.js";
import {
  commonOptions,
  maxNewTokens,
  modelOptions,
  promptOptions,
  seed,
  temperature,
} from "../../options/shared.js";

export const labOptions = {
  Prompt: { preference: promptOptions.preference },
  Answer: { "max-new-tokens": maxNewTokens, temperature, seed },
  "Training (lab train)": {
    steps: number("N", wholeFrom(1), "steps of the optimiser"),
    rows: number("N", wholeFrom(1), "examples of a step"),
    "learning-rate": number("R", positive, "at its highest, after the warm-up"),
    "save-every": number("N", wholeFrom(1), "steps between checkpoints (default 200)"),
    resume: flag("go on from the checkpoint in --out"),
    out: text("FOLDER", "where results go"),
  },
  "Study (lab curve, lab score)": {
    pairs: number("N", wholeFrom(1), "held-out pairs to report on (default 400)"),
    question: text("TEXT", "the question that a plain text answers"),
  },
  Common: { ...modelOptions, ...commonOptions },
};
export type LabValues = ValuesOfGroups<typeof labOptions>;

/** The options that do something in each of the lab's commands, beside those of every command. */
export const actionOptions = {
  train: ["steps", "rows", "learning-rate", "save-every", "resume", "out", "seed", "pairs", "backend"],
  curve: ["pairs", "out", "seed", "temperature", "max-new-tokens", "model", "backend"],
  score: ["question", "preference"],
} as const satisfies Record<string, readonly (keyof LabValues)[]>;

export type ActionName = keyof typeof actionOptions;

/** What `lab train`, `lab curve` or `lab score` may read. */
export type ActionValues<Name extends ActionName> = Pick<
  LabValues,
  (typeof actionOptions)[Name][number] | keyof typeof commonOptions
>;

export const lab: Command = defineCommand({
  usage: "amulet lab train --out FOLDER | curve [--out FOLDER] | score FILE",
  summary: "the tiny model's language: train a model on it, measure what strength does",
  examples: [
    "amulet lab train --out run --backend node",
    "amulet lab train --out run --resume",
    "amulet lab curve --pairs 50",
    "amulet lab curve --out study --model run/model",
    'echo "In brief. Key point: hard water dulls the taste of coffee." | amulet lab score - --question "What helps with coffee?" --preference concise',
  ],
  takes: "words",
  options: labOptions,
  load: () => import("./run.js"),
});
