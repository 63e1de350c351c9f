/** Options that several commands take, in groups. A command names the groups, and gives them a place in its help. */
import { backendNames, precisions } from "@amulet-ts/backends";
import { defaultDriftBudget, paperLinearAlignmentRatio, paperParameters } from "@amulet-ts/core";
import { engineKind, engineNames, gpuKinds, mostThreads } from "@amulet-ts/engines";
import { usageError } from "../errors.js";
import {
  anyFinite,
  anyWhole,
  choice,
  flag,
  notNegative,
  number,
  numbers,
  positive,
  positiveOrInfinite,
  positiveProbability,
  probability,
  text,
  texts,
  tokenIds,
  type ValuesOf,
  wholeBetween,
  wholeFrom,
} from "./kinds.js";
import { didYouMean } from "./suggest.js";

/** What is asked. */
export const promptOptions = {
  preference: texts("TEXT", 'what this user likes: "Your answer should be concise."; repeatable'),
  weight: numbers("W", anyFinite, "how much the preference before it counts (default 1)"),
  "negative-prompt": text("TEXT", "what the base prompt says in the preference's place"),
  system: text("TEXT", "system message of both prompts"),
  "preference-in": choice("PLACE", ["question", "system"], "where the preference stands"),
  "base-ids": tokenIds("1,2,3", "token ids instead of the question"),
  "preference-ids": tokenIds("1,2,3", "token ids instead of question and preference"),
};
export type PromptValues = ValuesOf<typeof promptOptions>;

const { iterations, alpha, lambda, eta } = paperParameters;

/** The paper's dial. */
export const parameterOptions = {
  iterations: number("T", wholeFrom(0), `steps per token (default ${iterations})`),
  alpha: number("α", notNegative, `scale of the utility (default ${alpha})`),
  lambda: number("λ", notNegative, `pull back to the preference policy (default ${lambda})`),
  eta: number("η", positiveOrInfinite, `learning rate; Infinity is allowed (default ${eta})`),
};
export type ParameterValues = ValuesOf<typeof parameterOptions>;
export const parameterNames = Object.keys(parameterOptions) as (keyof typeof parameterOptions)[];

/** The dial, or where it ends up. */
export const strengthOptions = {
  ...parameterOptions,
  "guidance-scale": number("X", anyFinite, "the strength as one number, instead of T, α, λ, η"),
};
export type StrengthValues = ValuesOf<typeof strengthOptions>;

/** The dials of all methods. */
export const methodOptions = {
  ...strengthOptions,
  ratio: number("R", anyFinite, `Linear Alignment's γ (default ${paperLinearAlignmentRatio})`),
  "kl-budget": number(
    "NATS",
    notNegative,
    `most KL from the preference policy at any token (default ${defaultDriftBudget})`,
  ),
  plausibility: number(
    "P",
    positiveProbability,
    "only tokens in the preference policy's top-p nucleus; in compare, la's mask",
  ),
};
export type MethodValues = ValuesOf<typeof methodOptions>;

/** Core's. */
export const defaultMaxNewTokens = 128;
export const maxNewTokens = number(
  "N",
  wholeFrom(1),
  `longest answer (default ${defaultMaxNewTokens}; lab curve: 144)`,
);
export const temperature = number("T", notNegative, "0, the default, takes the most probable token");
export const seed = number("N", anyWhole, "seed of the draws (default 0)");

/** How tokens are chosen, and where an answer ends. */
export const answerOptions = {
  "max-new-tokens": maxNewTokens,
  "min-new-tokens": number("N", wholeFrom(0), "shortest answer"),
  ban: tokenIds("1,2,3", "token ids that are never chosen"),
  temperature,
  "top-k": number("K", wholeFrom(0), "draw from the K most probable tokens"),
  "top-p": number("P", positiveProbability, "draw from the fewest tokens that reach P"),
  "min-p": number("P", probability, "draw from tokens at least P times the best one"),
  seed,
  stop: texts("TEXT", "ends an answer and is not part of it; repeatable"),
  "repetition-penalty": number("R", positive, "divides the score of tokens already said"),
  "presence-penalty": number("P", anyFinite, "subtracted from the score of tokens already said"),
};
export type AnswerValues = ValuesOf<typeof answerOptions>;

export const backendOption = { backend: choice("NAME", backendNames, "what computes") };

/** What computes the model, and how. */
const engineOptions = {
  engine: {
    ...text(
      "ENGINE",
      `what computes the model: ${engineNames.join(", ")}, or a server's address (default tfjs)`,
    ),
    read: readEngine,
  },
  threads: number(
    "N",
    wholeBetween(1, mostThreads),
    "tfjs on wasm, llama.cpp: threads that compute (default: one for each core)",
  ),
  kernels: choice(
    "on|off",
    ["on", "off"],
    "wasm, webgpu: weights stay as their file stores them (default on)",
  ),
  precision: choice(
    precisions.join("|"),
    precisions,
    "webgpu: the numbers that products multiply, f16 where the card has it (default f32)",
  ),
  gpu: choice("KIND", gpuKinds, "llama.cpp: the kind of card that computes"),
  "gpu-layers": number("N", wholeFrom(0), "llama.cpp: layers that a card holds (default: all)"),
  candidates: number("N", wholeFrom(1), "a server: tokens of each prompt that are asked for at first"),
  tokenizer: text("MODEL", "a server: where its model's tokenizer is, a folder, a .gguf file or a hub id"),
};

/** @throws CliError `usage` for what is neither an engine's name nor an address */
export function readEngine([only]: readonly string[]): string {
  if (engineKind(only!) !== undefined) return only!;
  throw usageError(
    `There is no engine ${JSON.stringify(only)}.${didYouMean(only!, engineNames)} There are: ${engineNames.join(", ")}, ` +
      "and the address of a server, such as http://localhost:8000/v1.",
  );
}

/** Which model, and where it runs. */
export const modelOptions = {
  model: text(
    "MODEL",
    "a folder with a model, a .gguf file, or a model of the hub: org/name[:file.gguf][@revision] (default: the lab's)",
  ),
  ...engineOptions,
  ...backendOption,
};
export type ModelValues = ValuesOf<typeof modelOptions>;

/** Of every command. */
export const commonOptions = {
  json: flag("one JSON object on standard output, nothing else"),
  debug: flag("show where an error came from"),
  help: flag("this text"),
};

/** The question and preference of the help's examples. */
export const exampleQuestion = '"How do I make a cup of tea?"';
export const examplePreference = '--preference "Your answer should be concise."';
