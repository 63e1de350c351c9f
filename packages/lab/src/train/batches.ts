/** From examples to the token rows of a step. Letters: N tokens of a batch, fillers included; P tokens that it predicts. */
import { type ChatMessage, type ChatPrompt, xoshiro128 } from "@amulet-ts/core";
import type { ModelTokenizer } from "@amulet-ts/files";
import { LabError } from "../errors.js";
import type { TrainingExample } from "./training-example.js";

/** An example as the model reads it: the prompt, then the answer with the token that ends it. */
export interface TokenExample {
  readonly prompt: readonly number[];
  readonly answer: readonly number[];
}

/** Rows of one length. The last answer token is predicted and never read. */
export interface Batch {
  readonly ids_N: Int32Array;
  readonly lengths: readonly number[];
  /** Places in N after which a token of an answer comes, and these tokens. */
  readonly places_P: Int32Array;
  readonly targets_P: Int32Array;
  /** Tokens that are no fillers. */
  readonly tokenCount: number;
}

/**
 * Renders an example with the model's chat template, as `amulet` asks a question: the preference's sentence stands
 * behind the question, after a space.
 *
 * @throws LabError `too-long`
 */
export function encodeExample(
  { tokenizer, renderChat }: Pick<ModelTokenizer, "tokenizer" | "renderChat">,
  { question, preferenceSentence, answer }: TrainingExample,
  contextLength: number,
): TokenExample {
  const content = preferenceSentence === undefined ? question : `${question} ${preferenceSentence}`;
  const messages: ChatMessage[] = [{ role: "user", content }];
  const { ids }: ChatPrompt = renderChat(messages);
  const ended = [...tokenizer.encode(answer), tokenizer.endTokens[0]!];
  if (ids.length + ended.length - 1 <= contextLength) return { prompt: ids, answer: ended };
  throw new LabError(
    "too-long",
    `An example has ${ids.length + ended.length} tokens and the model reads ${contextLength}: ${JSON.stringify(answer)}.`,
  );
}

/** Puts examples below one another, filled up at their ends to the longest: nothing attends to what comes after it. */
export function makeBatch(examples: readonly TokenExample[], filler: number): Batch {
  const rows = examples.map(({ prompt, answer }) => [...prompt, ...answer.slice(0, -1)]);
  const length = rows.reduce((longest, row) => Math.max(longest, row.length), 0);
  const ids_N = new Int32Array(rows.length * length).fill(filler);
  for (const [b, row] of rows.entries()) ids_N.set(row, b * length);
  const places = examples.flatMap(({ prompt, answer }, b) =>
    answer.map((_, i) => b * length + prompt.length - 1 + i),
  );
  return {
    ids_N,
    lengths: rows.map(() => length),
    places_P: Int32Array.from(places),
    targets_P: Int32Array.from(examples.flatMap(({ answer }) => answer)),
    tokenCount: rows.reduce((sum, row) => sum + row.length, 0),
  };
}

/** Batches of a pool of examples. */
export const batchesInPool = 16;

/** Gives the first examples of a stream that depends on the seed alone. */
export type DrawExamples = (seed: number, count: number) => Promise<TokenExample[]>;

/**
 * The batch of every step, a function of seed and step alone, so that training goes on where it stopped without
 * reading again what came before. Examples are drawn a pool at a time and sorted by length, so that few fillers are
 * needed; the batches of a pool come in random order.
 */
export class BatchStream {
  private pool: { readonly index: number; readonly batches: readonly Batch[] } | undefined;

  constructor(
    private readonly drawExamples: DrawExamples,
    private readonly options: { readonly seed: number; readonly rows: number; readonly filler: number },
  ) {}

  /** @param step the first is 0 */
  async batchOf(step: number): Promise<Batch> {
    const index = Math.floor(step / batchesInPool);
    if (this.pool?.index !== index) this.pool = { index, batches: await this.makePool(index) };
    return this.pool.batches[step % batchesInPool]!;
  }

  private async makePool(index: number): Promise<Batch[]> {
    const { seed, rows, filler } = this.options;
    const random = xoshiro128(seed ^ Math.imul(index + 1, 0x9e3779b1));
    const poolSeed = Math.floor(random() * 2 ** 32);
    const drawn = await this.drawExamples(poolSeed, rows * batchesInPool);
    const sorted = drawn.sort((a, b) => lengthOf(a) - lengthOf(b));
    const batches = Array.from({ length: batchesInPool }, (_, i) =>
      makeBatch(sorted.slice(i * rows, (i + 1) * rows), filler),
    );
    return shuffle(batches, random);
  }
}

function lengthOf({ prompt, answer }: TokenExample): number {
  return prompt.length + answer.length;
}

/** Fisher and Yates. */
function shuffle<T>(items: T[], random: () => number): T[] {
  for (let i = items.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [items[i], items[j]] = [items[j]!, items[i]!];
  }
  return items;
}
