/** What a trained model says of itself: training.json for programs, README.md for people, of the same facts. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { ChatModel } from "@amulet-ts/core";
import {
  type AnsweringOptions,
  answerPairs,
  type Pair,
  type PairAnswer,
  paperStrength,
  type Setting,
} from "@amulet-ts/eval";
import { writeAtomically } from "@amulet-ts/files";
import { score } from "../scores/score.js";
import { heldOutPairs } from "../world/corpus.js";
import { preferenceSentenceOf } from "../world/preferences.js";
import { LossLog } from "./loss-log.js";
import type { RunResult } from "./run-training.js";
import type { TrainingSettings } from "./settings.js";
import { validationExamples } from "./training-data.js";

/** Means over held-out pairs, under the guidance scale x: 0 the base prompt alone, 1 the preference prompt alone. */
export interface CardScore {
  readonly x: number;
  readonly grammaticality: number;
  readonly relevance: number;
  readonly preference: number;
}

/** The content of training.json. */
export interface TrainingRecord {
  readonly settings: TrainingSettings;
  readonly command: string;
  readonly backend: string;
  /** The day that it was finished, UTC. */
  readonly date: string;
  readonly minutes: number;
  readonly tokens: number;
  readonly parameters: number;
  /** Of the model in bfloat16 on the whole validation set, nats per token of the answers. */
  readonly validationLoss: number;
  readonly losses: readonly { readonly step: number; readonly loss: number; readonly validation?: number }[];
  readonly heldOutPairs: number;
  readonly scores: readonly CardScore[];
}

const strengths = [0, 1, 2, 3, 4, paperStrength];
/** Answered side by side, so that memory does not grow with their number; as many as the card takes by default. */
const pairsAtOnce = 96;
/** Lines of the table of losses. */
const lossLines = 12;

export interface CardSources {
  readonly result: RunResult;
  /** What was typed. */
  readonly command: string;
  readonly backend: string;
  /** The model as the ordinary loader has loaded it. */
  readonly model: ChatModel & { readonly parameterCount: number };
  /** Pairs that are answered for the scores, at most as many as are held out. */
  readonly pairs?: number;
  readonly signal?: AbortSignal;
}

/** Answers held-out pairs greedily, and writes training.json and README.md beside the weights. */
export async function writeModelCard(sources: CardSources): Promise<TrainingRecord> {
  const { result, command, backend, model, pairs = pairsAtOnce } = sources;
  const { settings, modelFolder, seconds, validationLoss } = result;
  const log = await new LossLog(join(modelFolder, "../losses.jsonl")).read();
  const record: TrainingRecord = {
    ...{ settings, command, backend },
    date: new Date().toISOString().slice(0, 10),
    minutes: Math.round(seconds / 6) / 10,
    tokens: log.reduce((sum, { tokens }) => sum + tokens, 0),
    parameters: model.parameterCount,
    validationLoss,
    losses: thinOut(
      log.map(({ step, loss, validation }) => ({ step, loss, ...(validation && { validation }) })),
    ),
    heldOutPairs: pairs,
    scores: await scoreAnswers(model, pairs, sources.signal),
  };
  await writeAtomically(join(modelFolder, "training.json"), `${JSON.stringify(record, undefined, 2)}\n`);
  await writeAtomically(join(modelFolder, "README.md"), describeModel(record));
  return record;
}

/** The record of a model that was trained here; nothing where there is none. */
export async function readTrainingRecord(modelFolder: string): Promise<TrainingRecord | undefined> {
  const text = await readFile(join(modelFolder, "training.json"), "utf8").catch(() => undefined);
  return text === undefined ? undefined : JSON.parse(text);
}

/** The first, the last and the steps between where the validation loss was measured, evenly. */
function thinOut<T extends { readonly validation?: number }>(log: readonly T[]): T[] {
  const measured = log.slice(1).filter(({ validation }) => validation !== undefined);
  const every = Math.max(1, Math.ceil(measured.length / lossLines));
  const kept = measured.filter((_, i) => (measured.length - 1 - i) % every === 0);
  return [...log.slice(0, 1), ...kept];
}

async function scoreAnswers(model: ChatModel, count: number, signal?: AbortSignal): Promise<CardScore[]> {
  const all = heldOutPairs();
  const asked = Array.from({ length: count }, (_, i) => all[Math.floor((i * all.length) / count)]!);
  const pairs = asked.map(({ question, preference }) => ({
    question,
    preference: preferenceSentenceOf(preference),
  }));
  const options = { maxNewTokens: 128, temperature: 0, seed: 0, ...(signal && { signal }) };
  const scores: CardScore[] = [];
  for (const x of strengths) {
    const setting: Setting = { kind: "dial", value: x };
    const answers = await answerInBatches(model, pairs, setting, options);
    const judged = answers.map(({ text }, i) => score(text, asked[i]!.question, asked[i]!.preference));
    const mean = (of: (one: (typeof judged)[number]) => number) =>
      round(judged.reduce((sum, one) => sum + of(one), 0) / judged.length);
    scores.push({
      x,
      grammaticality: mean((one) => one.grammaticality),
      relevance: mean((one) => one.relevance),
      preference: mean((one) => one.preference!),
    });
  }
  return scores;
}

async function answerInBatches(
  model: ChatModel,
  pairs: readonly Pair[],
  setting: Setting,
  options: AnsweringOptions,
): Promise<PairAnswer[]> {
  const answers: PairAnswer[] = [];
  for (let first = 0; first < pairs.length; first += pairsAtOnce) {
    const batch = pairs.slice(first, first + pairsAtOnce);
    answers.push(...(await answerPairs(model, batch, setting, options, first)));
  }
  return answers;
}

function round(value: number): number {
  return Math.round(value * 1e4) / 1e4;
}

/** The text of README.md. */
export function describeModel(record: TrainingRecord): string {
  const { settings, losses, scores, validationLoss } = record;
  const { shape, schedule, adamw } = settings;
  return `---
license: mit
language: en
pipeline_tag: text-generation
library_name: transformers
---

# Amulet's tiny model

A Llama of ${record.parameters.toLocaleString("en")} parameters that speaks one small language: questions about everyday things and answers
of a few sentences, in the usual wording or in one that is creative, sycophantic, verbose, complex, formal, pleasant,
concise or uplifting. Asked for one of these ("Your answer should be concise."), it follows in part; a decoding method
makes it follow more. What an answer is worth is computed from the language's grammar. It knows nothing else: a question
from outside gets an answer about something inside.

Hugging Face's layout, bfloat16: ${shape.num_hidden_layers} blocks of width ${shape.hidden_size}, ${shape.num_attention_heads} query and ${shape.num_key_value_heads} key/value heads of ${shape.head_dim}, feed-forward
${shape.intermediate_size}, context ${shape.max_position_embeddings}, tied embedding; byte-level BPE with ${settings.vocabularySize} tokens, learnt from the same corpus.

## Training

    ${record.command}

| | |
| --- | --- |
| data | the package's synthetic corpus, seed ${settings.seed}; nothing else |
| steps | ${schedule.steps} of ${settings.rows} examples, ${(record.tokens / 1e6).toFixed(1)} million tokens |
| optimiser | AdamW, β ${adamw.beta1} and ${adamw.beta2}, decay ${adamw.weightDecay} on matrices, gradient norm at most ${adamw.clipNorm} |
| learning rate | up to ${schedule.peak} in ${schedule.warmUp} steps, then half a cosine down to ${schedule.floor * 100} % |
| loss | cross-entropy of the answer's tokens and of the one that ends it |
| where | TensorFlow.js, ${record.backend}; ${record.minutes} minutes |
| date | ${record.date} |

Nats per token. The last line is the model before it was rounded to bfloat16; rounded, as it lies here, it has a loss of
${validationLoss.toFixed(5)} on the ${validationExamples} examples of the validation set.

| step | training | validation |
| --- | --- | --- |
${losses.map(({ step, loss, validation }) => `| ${step} | ${loss.toFixed(4)} | ${validation?.toFixed(4) ?? ""} |`).join("\n")}

## Scores

Greedy answers to ${record.heldOutPairs} questions that training never paired with that preference. x is the guidance scale: 0 is the
base prompt alone, 1 the preference prompt alone, ${paperStrength.toFixed(2)} Amulet with the paper's parameters. Grammaticality: share of the
sentences that the grammar accepts. Relevance: share of the facts that belong to the topic. Preference: share of the
five places of an answer in the wording that was asked for.

| x | grammaticality | relevance | preference |
| --- | --- | --- | --- |
${scores.map((at) => `| ${at.x.toFixed(2)} | ${at.grammaticality.toFixed(3)} | ${at.relevance.toFixed(3)} | ${at.preference.toFixed(3)} |`).join("\n")}
`;
}
