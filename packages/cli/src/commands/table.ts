import type { RunCommand } from "../command.js";
import type { CommandName } from "./names.js";

interface CommandSpec {
  readonly usage: string;
  /** One line of the help. */
  readonly summary: string;
  readonly examples: readonly string[];
  load(): Promise<{ readonly run: RunCommand }>;
}

const question = '"How do I make a cup of tea?"';
const preference = '--preference "Your answer should be concise."';

/** Every command: what the help says of it, and where its code is. Code is loaded when it is called. */
export const commands: Record<CommandName, CommandSpec> = {
  compare: {
    usage: "amulet [compare] QUESTION --preference TEXT --model MODEL",
    summary: "base, pref, la, amulet and bounded amulet side by side",
    examples: [
      `amulet ${question} ${preference} --model model.gguf`,
      `amulet compare ${question} ${preference} --model model.gguf --guidance-scale 2`,
    ],
    load: () => import("./compare/run.js"),
  },
  generate: {
    usage: "amulet generate QUESTION --preference TEXT --model MODEL",
    summary: "one answer, streamed to standard output",
    examples: [
      `amulet generate ${question} ${preference} --model model.gguf`,
      `amulet generate ${question} ${preference} --weight 1.5 --kl-budget 0.2 --explain --model model.gguf`,
      `echo ${question} | amulet generate - ${preference} --model model.gguf --json`,
    ],
    load: () => import("./generate/run.js"),
  },
  inspect: {
    usage: "amulet inspect QUESTION --preference TEXT [--at N] --model MODEL",
    summary: "one token under the loupe: its candidates from iteration 0 to T",
    examples: [
      `amulet inspect ${question} ${preference} --model model.gguf`,
      `amulet inspect ${question} ${preference} --model model.gguf --at 3 --alpha 1`,
    ],
    load: () => import("./inspect/run.js"),
  },
  score: {
    usage: "amulet score QUESTION --preference TEXT --answer TEXT --model MODEL",
    summary: "how probable given answers are under each method",
    examples: [
      `amulet score ${question} ${preference} --answer "Boil water, add tea." --answer "Tea is old." --model model.gguf`,
    ],
    load: () => import("./score/run.js"),
  },
  policy: {
    usage: "amulet policy --input FILE",
    summary: "the algorithm alone: logits in, policy out; needs no model",
    examples: [
      `echo '{"baseLogits": [[0, 1, 2]], "preferenceLogits": [[2, 1, 0]]}' | amulet policy --input -`,
    ],
    load: () => import("./policy/run.js"),
  },
  strength: {
    usage: "amulet strength [--iterations T] [--alpha α] [--lambda λ] [--eta η] | --guidance-scale X",
    summary: "x, γ and their names elsewhere; and back",
    examples: ["amulet strength --iterations 20", "amulet strength --guidance-scale 3"],
    load: () => import("./strength/run.js"),
  },
  tokenize: {
    usage: "amulet tokenize --text TEXT | --chat FILE --model MODEL",
    summary: "ids and pieces of a text, or of a chat rendered with the model's template",
    examples: ['amulet tokenize --text "Hello, world" --model model.gguf'],
    load: () => import("./tokenize/run.js"),
  },
  logits: {
    usage: "amulet logits --ids 1,2,3 [--last] --model MODEL",
    summary: "the model's raw next-token logits",
    examples: ["amulet logits --ids 1,2,3 --last --model model.gguf"],
    load: () => import("./logits/run.js"),
  },
  models: {
    usage: "amulet models [list | pull ID | path ID | remove ID]",
    summary: "models of the hub in the local cache; ID is org/name[:file.gguf][@revision]",
    examples: [
      "amulet models pull HuggingFaceTB/SmolLM2-135M-Instruct",
      "amulet models pull org/name:file.gguf@main",
      "amulet models list --json",
      "amulet models remove org/name",
    ],
    load: () => import("./models/run.js"),
  },
  doctor: {
    usage: "amulet doctor [--backend NAME] | --setup-libtensorflow [--gpu] [--wheel FILE] [--undo]",
    summary: "the backends here: which run, how fast, how right, and how to get the others",
    examples: [
      "amulet doctor",
      "amulet doctor --backend wasm --json",
      "amulet doctor --setup-libtensorflow",
      "amulet doctor --setup-libtensorflow --gpu --undo",
    ],
    load: () => import("./doctor/run.js"),
  },
  lab: {
    usage: "amulet lab train --out FOLDER | curve [--out FOLDER] | score FILE",
    summary: "the tiny model's language: train a model on it, measure what strength does",
    examples: [
      "amulet lab train --out run --backend node",
      "amulet lab train --out run --resume",
      "amulet lab curve --pairs 50",
      "amulet lab curve --out study --model run/model",
      'echo "In brief. Key point: hard water dulls the taste of coffee." | amulet lab score - --question "What helps with coffee?" --preference concise',
    ],
    load: () => import("./lab/run.js"),
  },
  verify: {
    usage: "amulet verify [--runs N] [--law NAME] [--backend NAME | --subject FILE]",
    summary: "the laws of the algorithm and the forward passes, on every backend or on your own code",
    examples: [
      "amulet verify",
      "amulet verify --runs 1000 --backend all --report report.md",
      "amulet verify --law loop-equals-collapse --law budget-met",
      "amulet verify --subject ./my-step.mjs",
      "amulet verify --list",
    ],
    load: () => import("./verify/run.js"),
  },
};
