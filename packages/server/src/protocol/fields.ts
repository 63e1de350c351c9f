/** Fields that several requests have. Each may be null, which is to leave it out: SDKs send it so. */
import * as v from "valibot";

export const finite = v.pipe(v.number(), v.finite());
export const notNegative = v.pipe(finite, v.minValue(0));
export const share = v.pipe(finite, v.gtValue(0), v.maxValue(1));
export const whole = (least: number, most = Number.MAX_SAFE_INTEGER) =>
  v.pipe(v.number(), v.safeInteger(), v.minValue(least), v.maxValue(most));
/** A text that says something, and is no book. */
export const words = v.pipe(v.string(), v.maxLength(20_000), v.regex(/\S/, "it says nothing"));

const upToOne = v.pipe(notNegative, v.maxValue(1));
const stopText = v.pipe(v.string(), v.maxLength(1000));

/** How many tokens an answer may have; -1 is to say nothing of it, as clients of local servers write it. */
export const tokenCount = v.nullish(
  v.pipe(
    whole(-1),
    v.check((count) => count !== 0, "it must be at least 1, or -1 for no limit of its own"),
    v.transform((count) => (count === -1 ? null : count)),
  ),
);

/** How tokens are chosen, and where an answer ends. */
export const choosingFields = {
  max_tokens: tokenCount,
  temperature: v.nullish(notNegative),
  top_p: v.nullish(upToOne),
  top_k: v.nullish(whole(-1)),
  min_p: v.nullish(upToOne),
  presence_penalty: v.nullish(finite),
  frequency_penalty: v.nullish(finite),
  repetition_penalty: v.nullish(v.pipe(finite, v.gtValue(0))),
  logit_bias: v.nullish(v.record(v.pipe(v.string(), v.regex(/^\d{1,9}$/, "it is no token id")), finite)),
  seed: v.nullish(whole(Number.MIN_SAFE_INTEGER)),
  stop: v.nullish(v.union([stopText, v.pipe(v.array(stopText), v.maxLength(16))])),
  n: v.nullish(whole(1, 128)),
};

/** Which model, and how its answer comes. */
export const deliveryFields = {
  model: v.nullish(v.string()),
  stream: v.nullish(v.boolean()),
  stream_options: v.nullish(v.looseObject({ include_usage: v.nullish(v.boolean()) })),
  user: v.nullish(v.string()),
};

export const finishReasonSchema = v.picklist(["stop", "length"]);
export type FinishReason = v.InferOutput<typeof finishReasonSchema>;

export const usageSchema = v.object({
  /** All tokens that were read: of the base prompt and of every preference prompt. */
  prompt_tokens: v.number(),
  completion_tokens: v.number(),
  total_tokens: v.number(),
  prompt_tokens_details: v.object({ base_tokens: v.number(), preference_tokens: v.number() }),
});
export type Usage = v.InferOutput<typeof usageSchema>;
