/** Many pairs answered side by side, under one setting or several. */
import {
  type ChatModel,
  createChooser,
  type DecodeEvent,
  Decoder,
  type Method,
  type Prompts,
  renderPrompts,
  type TextStream,
} from "@amulet-ts/core";
import { methodOf, type Setting } from "../grid/settings.js";
import type { Pair } from "../scorers/scorer.js";

export interface AnsweringOptions {
  readonly maxNewTokens: number;
  /** 0 takes the most probable token. */
  readonly temperature: number;
  readonly seed: number;
  readonly signal?: AbortSignal;
}

export interface PairAnswer {
  readonly text: string;
  readonly tokens: number;
  readonly finishReason: "stop" | "length";
  /** Mean over the answer's tokens of KL(π ‖ π_pref), in nats; null for an answer without tokens. */
  readonly drift: number | null;
}

/**
 * Answers all pairs under one setting, side by side.
 *
 * @returns one answer per pair, in their order
 * @throws CoreError
 */
export async function answerPairs(
  model: ChatModel,
  pairs: readonly Pair[],
  setting: Setting,
  options: AnsweringOptions,
  firstIndex = 0,
): Promise<PairAnswer[]> {
  return (await answerUnderSettings(model, pairs, [setting], options, firstIndex))[0]!;
}

/**
 * Answers all pairs under all settings at once. Settings agree on most beginnings: answers to a pair that are equal so
 * far read the same rows, once.
 *
 * @param firstIndex number of the first pair in the whole list: with `temperature`, each pair draws from a stream of
 *   its own, whichever batch it is in
 * @returns the answers of each setting, in the order of the pairs
 * @throws CoreError `aborted` between two tokens, `context-overflow`, `not-finite`
 */
export async function answerUnderSettings(
  model: ChatModel,
  pairs: readonly Pair[],
  settings: readonly Setting[],
  options: AnsweringOptions,
  firstIndex = 0,
): Promise<PairAnswer[][]> {
  const { signal } = options;
  const decoder = new Decoder(model, signal ? { signal } : {});
  try {
    const prompts = pairs.map((pair) => renderPrompts(model, pair));
    const methods = settings.map(methodOf);
    for (const method of methods) joinPairs(decoder, prompts, method, options, firstIndex);
    const answers = methods.map(() => pairs.map(() => new GrowingAnswer(model.textStream())));
    const inOrder = answers.flat();
    while (!decoder.isIdle) {
      for (const event of await decoder.step()) inOrder[event.request]!.take(event);
    }
    return answers.map((row) => row.map((answer) => answer.finish()));
  } finally {
    await decoder.dispose();
  }
}

function joinPairs(
  decoder: Decoder,
  prompts: readonly Prompts[],
  method: Method,
  { maxNewTokens, temperature, seed }: AnsweringOptions,
  firstIndex: number,
): void {
  for (const [i, pair] of prompts.entries()) {
    const choose = createChooser({ temperature, seed: seed + firstIndex + i });
    decoder.join({ ...pair, method, choose, maxNewTokens, reportDrift: true });
  }
}

class GrowingAnswer {
  private text = "";
  private tokens = 0;
  private drift = 0;
  private finishReason: PairAnswer["finishReason"] = "length";

  constructor(private readonly stream: TextStream) {}

  take(event: DecodeEvent): void {
    if (event.type === "end") {
      this.finishReason = event.reason;
      return;
    }
    this.tokens++;
    this.text += this.stream.push(event.id);
    this.drift += event.drift!;
  }

  finish(): PairAnswer {
    const { tokens, finishReason } = this;
    const text = this.text + this.stream.flush();
    return { text, tokens, finishReason, drift: tokens === 0 ? null : Math.max(0, this.drift) / tokens };
  }
}
