/** The table of options. Parsing, checking and the help all come from it: a new option is one line here. */
import { backendNames } from "@amulet-ts/backends";
import { paperLinearAlignmentRatio, paperParameters } from "@amulet-ts/core";
import { type CommandName, commandNames } from "../commands/names.js";
import { readBackends } from "../commands/verify/backends.js";
import {
  anyFinite,
  anyWhole,
  choice,
  flag,
  notNegative,
  number,
  numbers,
  type OptionSpec,
  positive,
  positiveOrInfinite,
  positiveProbability,
  probability,
  text,
  texts,
  tokenIds,
  wholeFrom,
} from "./kinds.js";

const answering: readonly CommandName[] = ["compare", "generate"];
const asking: readonly CommandName[] = ["compare", "generate", "inspect", "score"];
const readingModels: readonly CommandName[] = [
  "compare",
  "generate",
  "inspect",
  "score",
  "tokenize",
  "logits",
];
const withStrength: readonly CommandName[] = ["compare", "generate", "policy", "strength"];
const withParameters: readonly CommandName[] = [...withStrength, "inspect", "score"];
const onBackends: readonly CommandName[] = [
  "compare",
  "generate",
  "inspect",
  "score",
  "policy",
  "logits",
  "tokenize",
  "doctor",
  "lab",
];
const inTheLab: readonly CommandName[] = ["lab"];
const verifying: readonly CommandName[] = ["verify"];

export const methodNames = ["base", "pref", "beam", "la", "amulet", "amulet-exact", "bounded"] as const;
export type MethodName = (typeof methodNames)[number];

/** Nats of drift that bounded Amulet may spend at a token where none are given. */
export const defaultBudget = 0.2;

const { iterations, alpha, lambda, eta } = paperParameters;

export const options = {
  ...inGroup("Prompt", {
    preference: texts("TEXT", 'what this user likes: "Your answer should be concise."; repeatable', [
      ...asking,
      ...inTheLab,
    ]),
    weight: numbers("W", anyFinite, "how much the preference before it counts (default 1)", asking),
    system: text("TEXT", "system message of both prompts", asking),
    "preference-in": choice("PLACE", ["question", "system"], "where the preference stands", asking),
    "base-ids": tokenIds("1,2,3", "token ids instead of the question", asking),
    "preference-ids": tokenIds("1,2,3", "token ids instead of question and preference", asking),
  }),
  ...inGroup("Strength", {
    method: choice("NAME", methodNames, "how to decode (default amulet)", ["generate"]),
    iterations: number("T", wholeFrom(0), `steps per token (default ${iterations})`, withParameters),
    alpha: number("α", notNegative, `scale of the utility (default ${alpha})`, withParameters),
    lambda: number(
      "λ",
      notNegative,
      `pull back to the preference policy (default ${lambda})`,
      withParameters,
    ),
    eta: number(
      "η",
      positiveOrInfinite,
      `learning rate; Infinity is allowed (default ${eta})`,
      withParameters,
    ),
    "guidance-scale": number(
      "X",
      anyFinite,
      "the strength as one number, instead of T, α, λ, η",
      withStrength,
    ),
    ratio: number("R", anyFinite, `Linear Alignment's γ (default ${paperLinearAlignmentRatio})`, answering),
    "kl-budget": number(
      "NATS",
      notNegative,
      `most KL from the preference policy at any token (compare: ${defaultBudget})`,
      answering,
    ),
    plausibility: number(
      "P",
      positiveProbability,
      "only tokens in the preference policy's top-p nucleus; in compare, la's mask",
      answering,
    ),
    "strength-schedule": text("PARTS", 'x by token, such as "1:0..8, 5.6:8.."', ["generate"]),
    beams: number("N", wholeFrom(1), "answers that --method beam keeps (default 16)", ["generate"]),
    "length-penalty": number("P", anyFinite, "beam: above 1 favours long answers (default 1)", ["generate"]),
  }),
  ...inGroup("Answer", {
    "max-new-tokens": number("N", wholeFrom(1), "longest answer (default 128; lab curve: 144)", [
      ...answering,
      ...inTheLab,
    ]),
    "min-new-tokens": number("N", wholeFrom(0), "shortest answer", answering),
    ban: tokenIds("1,2,3", "token ids that are never chosen", answering),
    temperature: number("T", notNegative, "0, the default, takes the most probable token", [
      ...answering,
      ...inTheLab,
    ]),
    "top-k": number("K", wholeFrom(0), "draw from the K most probable tokens", answering),
    "top-p": number("P", positiveProbability, "draw from the fewest tokens that reach P", answering),
    "min-p": number("P", probability, "draw from tokens at least P times the best one", answering),
    seed: number("N", anyWhole, "seed of the draws (default 0)", [...answering, ...inTheLab, ...verifying]),
    explain: flag("what the preference changed at each token", ["generate"]),
    stop: texts("TEXT", "ends an answer and is not part of it; repeatable", answering),
    "repetition-penalty": number("R", positive, "divides the score of tokens already said", answering),
    "presence-penalty": number("P", anyFinite, "subtracted from the score of tokens already said", answering),
  }),
  ...inGroup("Input", {
    answer: texts("TEXT", "an answer to score; repeatable", ["score"]),
    at: number("N", wholeFrom(0), "which token of the answer; the first, the default, is 0", ["inspect"]),
    input: text("FILE", "JSON with the logits; - reads standard input", ["policy"]),
    trajectory: flag("also the policies of every iteration", ["policy"]),
    text: text("TEXT", "the text to cut into tokens", ["tokenize"]),
    chat: text("FILE", "JSON with messages, rendered with the model's template; - reads standard input", [
      "tokenize",
    ]),
    ids: tokenIds("1,2,3", "the tokens to read", ["logits"]),
    last: flag("only the logits after the last token", ["logits"]),
  }),
  ...inGroup("Training (lab train)", {
    steps: number("N", wholeFrom(1), "steps of the optimiser", inTheLab),
    rows: number("N", wholeFrom(1), "examples of a step", inTheLab),
    "learning-rate": number("R", positive, "at its highest, after the warm-up", inTheLab),
    "save-every": number("N", wholeFrom(1), "steps between checkpoints (default 200)", inTheLab),
    resume: flag("go on from the checkpoint in --out", inTheLab),
    out: text("FOLDER", "where results go", inTheLab),
  }),
  ...inGroup("Study (lab curve, lab score)", {
    pairs: number("N", wholeFrom(1), "held-out pairs to report on (default 400)", inTheLab),
    question: text("TEXT", "the question that a plain text answers", inTheLab),
  }),
  ...inGroup("Setting up", {
    "setup-libtensorflow": flag("build what --backend node needs, in a folder of the cache", ["doctor"]),
    gpu: flag("what --backend node-gpu needs instead", ["doctor"]),
    wheel: text("FILE", "a TensorFlow wheel that is here; without it pip downloads one", ["doctor"]),
    undo: flag("take away what was set up", ["doctor"]),
  }),
  ...inGroup("Verification", {
    runs: number("N", wholeFrom(1), "cases for each law; slow ones get a share (default 100)", verifying),
    law: texts("NAME", "only this law; repeatable", verifying),
    list: flag("the laws, with what they state and where that is from", verifying),
    subject: text("FILE", "a module of JavaScript to judge instead of ours", verifying),
    path: text("PATH", "the counterexample of --law and --seed with this path", verifying),
    report: text("FILE", "where to write a report in Markdown", verifying),
    from: texts("FILE", "put together what earlier runs wrote with --json; repeatable", verifying),
    backends: {
      ...texts(
        "NAME",
        `${[...backendNames, "all"].join(", ")}; repeatable (default cpu and wasm)`,
        verifying,
      ),
      spelling: "backend",
      read: readBackends,
    },
  }),
  ...inGroup("Common", {
    model: text(
      "MODEL",
      "a folder with a model, a .gguf file, or a model of the hub: org/name[:file.gguf][@revision] (default: the lab's)",
      [...readingModels, ...inTheLab],
    ),
    backend: choice("NAME", backendNames, "what computes", onBackends),
    json: flag("one JSON object on standard output, nothing else", commandNames),
    debug: flag("show where an error came from", commandNames),
    help: flag("this text", commandNames),
  }),
};

export type OptionName = keyof typeof options;

/** What the options of a call amount to; an option that was not given is absent. */
export type OptionValues = {
  readonly [Name in OptionName]?: ReturnType<(typeof options)[Name]["read"]>;
};

export function optionSpec(name: OptionName): OptionSpec<unknown> {
  return options[name];
}

export function isOptionName(name: string): name is OptionName {
  return Object.hasOwn(options, name);
}

/** The options that a command takes, in the order of the table. */
export function optionsOf(command: CommandName): OptionName[] {
  return Object.keys(options)
    .filter(isOptionName)
    .filter((name) => options[name].commands.includes(command));
}

function inGroup<Specs extends Record<string, OptionSpec<unknown>>>(group: string, specs: Specs): Specs {
  for (const spec of Object.values(specs)) Object.assign(spec, { group });
  return specs;
}
