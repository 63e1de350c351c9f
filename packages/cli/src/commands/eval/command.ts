/** `amulet eval`: options and help. */
import { type Command, defineCommand } from "../../command.js";
import {
  choice,
  flag,
  notNegative,
  number,
  text,
  type ValuesOfGroups,
  wholeFrom,
} from "../../options/kinds.js";
import { commonOptions, modelOptions } from "../../options/shared.js";

const options = {
  Run: {
    config: text("FILE", "what is asked and how, in YAML; every default is written into the run's folder"),
    out: text("FOLDER", "the run's folder (default amulet-eval); a run that is there is gone on with"),
    shard: text("I/N", "only this machine's share, such as 2/3"),
  },
  "Judge (eval judge)": {
    judge: text("URL", "a server that speaks the OpenAI protocol, up to and with /v1"),
    "judge-model": text("NAME", "which of its models judges"),
    rubric: text(
      "FILE",
      "what makes an answer better, in words (default: follows the preference, keeps sense)",
    ),
    "max-requests": number("N", wholeFrom(0), "refuse to begin where more are needed"),
    "max-cost": number("X", notNegative, "the same for money, by --price and the longest replies"),
    price: text("IN,OUT", "of a million tokens of prompts and of replies"),
    "judge-tokens": number("N", wholeFrom(1), "longest reply (default 300)"),
    reward: text(
      "MODEL",
      "in a judge's place a reward model, a folder or a hub id: its score of every answer",
    ),
    "reward-head": number("N", wholeFrom(0), "one of its heads, such as 6 of ArmoRM's (default: its score)"),
  },
  "Report (eval report)": {
    against: text("FOLDER", "another run of the same questions: what changed since"),
  },
  "Export (eval export)": {
    format: choice("FORMAT", ["csv", "jsonl", "latex"], "of what goes to standard output (default csv)"),
  },
  "Merge (eval merge)": {
    incomplete: flag("join what there is, with answers missing"),
  },
  Common: { ...modelOptions, ...commonOptions },
};
export type EvalValues = ValuesOfGroups<typeof options>;

/** The options that do something in each action, beside those of every command. */
export const actionOptions = {
  run: ["config", "out", "shard", "model", "engine", "backend", "threads", "gpu", "gpu-layers"],
  status: [],
  judge: [
    "judge",
    "judge-model",
    "rubric",
    "max-requests",
    "max-cost",
    "price",
    "judge-tokens",
    "reward",
    "reward-head",
    "backend",
    "threads",
  ],
  report: ["against"],
  export: ["format"],
  merge: ["out", "incomplete"],
} as const satisfies Record<string, readonly (keyof EvalValues)[]>;

export type ActionName = keyof typeof actionOptions;

export type ActionValues<Name extends ActionName> = Pick<
  EvalValues,
  (typeof actionOptions)[Name][number] | keyof typeof commonOptions
>;

/** `eval` is a word of the language. */
export const evaluation: Command = defineCommand({
  usage:
    "amulet eval run [--config FILE] [--out FOLDER] | status FOLDER | judge FOLDER --judge URL --judge-model NAME | judge FOLDER --reward MODEL | report FOLDER | export FOLDER | merge FOLDER…",
  summary: "methods × questions × preferences: an evaluation that can be interrupted, with a report",
  examples: [
    "amulet eval run",
    "amulet eval run --model model.gguf --out study",
    "amulet eval run --config study.yaml --out study --shard 2/3",
    "amulet eval status study",
    "amulet eval judge study --reward Skywork/Skywork-Reward-V2-Qwen3-0.6B",
    "amulet eval report study --against study-before",
    "amulet eval export study --format latex",
    "amulet eval merge machine-1 machine-2 machine-3 --out study",
  ],
  takes: "words",
  options,
  load: () => import("./run.js"),
});
