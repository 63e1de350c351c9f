/** What a request asks for, in the model's terms. */
import type { ChatModel, SamplingOptions } from "@amulet-ts/core";
import type { ReadPrompts } from "./prompts.js";
import type { Steer } from "./steer.js";

export interface Order {
  readonly prompts: readonly ReadPrompts[];
  /** Answers to each prompt. */
  readonly samples: number;
  readonly steer: Steer;
  readonly sampling: SamplingOptions;
  readonly stop: readonly string[];
  readonly maxNewTokens: number;
  /** How many of the most probable tokens are told with each. */
  readonly candidates: number;
}

/**
 * As many tokens as the context has room for beside the shortest prompt; core ends an answer where the longest one that it
 * reads has no more.
 */
export function fitToContext(
  { contextLength }: ChatModel,
  prompts: readonly ReadPrompts[],
  asked: number,
): number {
  const lengths = prompts.flatMap(({ base, preferences }) => [
    base,
    ...preferences.map(({ tokens }) => tokens),
  ]);
  const shortest = Math.min(...lengths.map(({ length }) => length));
  return Math.max(1, Math.min(asked, contextLength - shortest));
}
