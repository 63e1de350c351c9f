/** `amulet generate`: options and help. */
import { defaultContrast, defaultThresholds, paperCoSteer } from "@amulet-ts/core";
import { type Command, defineCommand } from "../../command.js";
import {
  anyFinite,
  choice,
  flag,
  notNegative,
  number,
  positiveProbability,
  probability,
  text,
  type ValuesOfGroups,
  wholeFrom,
} from "../../options/kinds.js";
import {
  answerOptions,
  commonOptions,
  examplePreference,
  exampleQuestion,
  methodOptions,
  modelOptions,
  promptOptions,
} from "../../options/shared.js";

export const methodNames = [
  "base",
  "pref",
  "beam",
  "la",
  "amulet",
  "amulet-exact",
  "bounded",
  "adacad",
  "nwcad",
  "promptcd",
  "costeer",
] as const;
export type MethodName = (typeof methodNames)[number];

const defaultGate = Object.values(defaultThresholds).join(",");

const {
  stop,
  "repetition-penalty": repetitionPenalty,
  "presence-penalty": presencePenalty,
  ...choosing
} = answerOptions;

const options = {
  Prompt: promptOptions,
  Strength: {
    method: choice(
      "NAME",
      methodNames,
      "how to decode (default bounded; amulet where a strength or a mask is given)",
    ),
    ...methodOptions,
    "min-p-mask": number(
      "P",
      positiveProbability,
      "only tokens at least P times as probable as the preference policy's best",
    ),
    "top-n-sigma": number(
      "N",
      notNegative,
      "only tokens within N standard deviations of the preference policy's best logit",
    ),
    warmup: number("W", probability, "adacad: smallest γ (default 0)"),
    gate: text("τ,κ,κ", `nwcad: divergence and both margins (default ${defaultGate})`),
    contrast: number(
      "γ",
      notNegative,
      `promptcd: weight of the negative prompt (default ${defaultContrast})`,
    ),
    beta: number(
      "β",
      anyFinite,
      `costeer: weight of Δ (default ${paperCoSteer.beta}, with T = ${paperCoSteer.iterations})`,
    ),
    "delta-model": text("MODEL", "another model with the same tokens, whose Δ steers this one"),
    "strength-schedule": text("PARTS", 'x by token, such as "1:0..8, 5.6:8.."'),
    beams: number("N", wholeFrom(1), "answers that --method beam keeps (default 16)"),
    "length-penalty": number("P", anyFinite, "beam: above 1 favours long answers (default 1)"),
  },
  Answer: {
    ...choosing,
    explain: flag("what the preference changed at each token"),
    stop,
    "repetition-penalty": repetitionPenalty,
    "presence-penalty": presencePenalty,
  },
  Common: { ...modelOptions, ...commonOptions },
};
export type GenerateValues = ValuesOfGroups<typeof options>;
/** The options that may belong to some methods only. */
export type MethodOption =
  | Exclude<keyof (typeof options)["Strength"], "method">
  | keyof (typeof options)["Answer"];

export const generate: Command = defineCommand({
  usage: "amulet generate QUESTION --preference TEXT --model MODEL",
  summary: "one answer, streamed to standard output",
  examples: [
    `amulet generate ${exampleQuestion} ${examplePreference} --model model.gguf`,
    `amulet generate ${exampleQuestion} ${examplePreference} --weight 1.5 --kl-budget 0.2 --explain --model model.gguf`,
    `amulet generate ${exampleQuestion} ${examplePreference} --method costeer --model large.gguf --delta-model small.gguf`,
    `echo ${exampleQuestion} | amulet generate - ${examplePreference} --model model.gguf --json`,
  ],
  takes: "question",
  options,
  load: () => import("./run.js"),
});
