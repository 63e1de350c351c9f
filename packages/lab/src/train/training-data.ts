/** The corpus as a trainer reads it: token rows of the training split, and a fixed validation set. */
import type { ChatPrompt } from "@amulet-ts/core";
import type { ModelTokenizer } from "@amulet-ts/files";
import { controlTokens, type TokenizerFiles, trainTokenizer } from "../tokenizer/write-tokenizer.js";
import { type Batch, BatchStream, encodeExample, makeBatch, type TokenExample } from "./batches.js";
import type { Pause } from "./pause.js";
import type { TrainingSettings } from "./settings.js";
import type { TrainingExample } from "./training-example.js";

/** An endless stream of examples, the same for the same seed; no question of one split is in the other. */
export type Corpus = (seed: number, split: "train" | "validation") => Iterable<TrainingExample>;

/** What the tokenizer is learnt from. */
const tokenizerExamples = 20_000;
/** Size and seed of the validation set: the same for every run. */
export const validationExamples = 256;
const validationSeed = 0;

/** The first examples of a stream. */
function* take<T>(items: Iterable<T>, count: number): Generator<T> {
  if (count === 0) return;
  let left = count;
  for (const item of items) {
    yield item;
    if (--left === 0) return;
  }
}

export function learnTokenizer(
  corpus: Corpus,
  { seed, vocabularySize }: TrainingSettings,
  pause: Pause,
): Promise<TokenizerFiles> {
  return trainTokenizer(textsOf(take(corpus(seed, "train"), tokenizerExamples)), vocabularySize, pause);
}

function* textsOf(examples: Iterable<TrainingExample>): Generator<string> {
  for (const { question, preferenceSentence, answer } of examples) {
    // A question stands before the sentence, so that the sentence begins with a space.
    yield preferenceSentence === undefined ? question : `${question} ${preferenceSentence}`;
    yield answer;
  }
}

/** The id that fills up rows: nothing reads it. */
export function fillerOf({ tokenizer }: Pick<ModelTokenizer, "tokenizer">): number {
  return tokenizer.tokenToId(controlTokens.end)!;
}

export function trainingBatches(
  corpus: Corpus,
  text: ModelTokenizer,
  { seed, rows, shape }: TrainingSettings,
  pause: Pause,
): BatchStream {
  const remembering = rememberPrompts(text);
  const draw = (poolSeed: number, count: number) =>
    encodeAll(take(corpus(poolSeed, "train"), count), remembering, shape.max_position_embeddings, pause);
  return new BatchStream(draw, { seed, rows, filler: fillerOf(text) });
}

/** The validation set, its first `count` examples. */
export function validationSet(
  corpus: Corpus,
  text: ModelTokenizer,
  contextLength: number,
  pause: Pause,
  count = validationExamples,
): Promise<TokenExample[]> {
  return encodeAll(take(corpus(validationSeed, "validation"), count), text, contextLength, pause);
}

/** Examples of similar length together. */
export function batchesOf(examples: readonly TokenExample[], rows: number, filler: number): Batch[] {
  const sorted = examples.toSorted(
    (a, b) => a.prompt.length + a.answer.length - b.prompt.length - b.answer.length,
  );
  const count = Math.ceil(sorted.length / rows);
  return Array.from({ length: count }, (_, i) => makeBatch(sorted.slice(i * rows, (i + 1) * rows), filler));
}

/** Prompts recur, and a chat template takes longer than all else. */
function rememberPrompts({ renderChat, ...others }: ModelTokenizer): ModelTokenizer {
  const known = new Map<string, ChatPrompt>();
  const remember: ModelTokenizer["renderChat"] = (messages) => {
    const key = JSON.stringify(messages);
    const prompt = known.get(key) ?? renderChat(messages);
    if (known.size >= mostPrompts) known.clear();
    known.set(key, prompt);
    return prompt;
  };
  return { ...others, renderChat: remember };
}

const mostPrompts = 2 ** 14;

async function encodeAll(
  examples: Iterable<TrainingExample>,
  text: ModelTokenizer,
  contextLength: number,
  pause: Pause,
): Promise<TokenExample[]> {
  const encoded: TokenExample[] = [];
  for (const example of examples) {
    await pause();
    encoded.push(encodeExample(text, example, contextLength));
  }
  return encoded;
}
