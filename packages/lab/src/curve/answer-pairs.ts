/** Many pairs answered side by side under one setting. */
import { type ChatModel, createChooser, type DecodeRequest, decode, renderPrompts } from "@amulet-ts/core";
import { methodOf, type Setting } from "./settings.js";

/** A question and what its asker likes, as a sentence. */
export interface Pair {
  readonly question: string;
  readonly preference: string;
}

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
 * Answers all pairs in one batch.
 *
 * @param firstIndex number of the first pair in the whole list: each pair draws from a stream of its own, whichever
 *   batch it is in
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
  // One method object for all: decode computes the policies of equal methods together.
  const method = methodOf(setting);
  const requests = pairs.map((pair, i): DecodeRequest => {
    const { maxNewTokens, temperature, seed } = options;
    const choose = createChooser({ temperature, seed: seed + firstIndex + i });
    const { base, preferences } = renderPrompts(model, pair);
    return { base, preferences, method, choose, maxNewTokens, explain: { alternatives: 0 } };
  });
  const growing = pairs.map(() => new GrowingAnswer(model));
  const { signal } = options;
  for await (const event of decode(model, requests, signal ? { signal } : {})) {
    const answer = growing[event.request]!;
    if (event.type === "end") answer.finishReason = event.reason;
    else answer.add(event.id, event.explanation!.klFromPreference);
  }
  return growing.map((answer) => answer.finish());
}

class GrowingAnswer {
  finishReason: PairAnswer["finishReason"] = "length";
  private readonly stream;
  private text = "";
  private tokens = 0;
  private drift = 0;

  constructor(model: ChatModel) {
    this.stream = model.textStream();
  }

  add(id: number, drift: number): void {
    this.text += this.stream.push(id);
    this.drift += drift;
    this.tokens++;
  }

  finish(): PairAnswer {
    const { tokens, finishReason } = this;
    const drift = tokens === 0 ? null : this.drift / tokens;
    return { text: this.text + this.stream.flush(), tokens, finishReason, drift };
  }
}
