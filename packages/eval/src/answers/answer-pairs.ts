/** Many pairs answered side by side under one setting. */
import type { ChatModel } from "@amulet-ts/core";
import type { Setting } from "../grid/settings.js";
import type { Pair } from "../scorers/scorer.js";
import { answerInTree } from "./answer-tree.js";

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
  return (await answerInTree(model, pairs, [setting], options, firstIndex))[0]!;
}
