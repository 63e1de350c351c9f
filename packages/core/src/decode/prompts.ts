import { CoreError } from "../errors.js";
import { checkFields, checkGiven, describeValue, list, listOf, optional, record } from "../port/given.js";
import type { TokenRow } from "../port/session.js";
import { largestStrength } from "../strength/strength.js";

/** One preference prompt and how much it counts. */
export interface WeightedPrompt {
  readonly tokens: TokenRow;
  /** Within ±1,000,000, 1 by default; below 0, the answer moves away from this preference. */
  readonly weight?: number;
}

/**
 * The base prompt and one preference prompt or several. Together the preferences are one policy,
 *
 *     log π_1 = log π_base + Σ_k weight_k (log π_k − log π_base) − log Z,
 *
 * which every method takes for "the" preference policy: one preference of weight 1 is that prompt's own policy.
 */
export interface Prompts {
  readonly base: TokenRow;
  /** Short for one of weight 1. */
  readonly preference?: TokenRow;
  readonly preferences?: readonly WeightedPrompt[];
}

/** The preference prompts with their weights filled in. @throws CoreError `bad-request` */
export function readPreferences(
  prompts: Pick<Prompts, "preference" | "preferences">,
): Required<WeightedPrompt>[] {
  const kinds = { preference: optional(list), preferences: optional(listOf(record)) };
  checkFields(prompts, kinds, "the prompts");
  const { preference, preferences } = prompts;
  if (preference !== undefined && preferences !== undefined) {
    throw new CoreError(
      "bad-request",
      "Both preference and preferences are given: give one of them, preference being short for one of weight 1.",
    );
  }
  if (preference !== undefined) return [{ tokens: preference, weight: 1 }];
  return (preferences ?? []).map(({ tokens, weight = 1 }, k) => {
    checkGiven(tokens, list, `tokens of preference ${k + 1}`);
    return { tokens, weight: checkWeight(weight, k) };
  });
}

function checkWeight(weight: number, index: number): number {
  if (typeof weight === "number" && Math.abs(weight) <= largestStrength) return weight;
  throw new CoreError(
    "bad-request",
    `The weight of preference ${index + 1} must be a number within ±${largestStrength}; it is ${describeValue(weight)}.`,
  );
}
