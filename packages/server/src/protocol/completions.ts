/** `POST /v1/completions`: texts that the model goes on with. */
import * as v from "valibot";
import { choosingFields, deliveryFields, finishReasonSchema, usageSchema, whole } from "./fields.js";
import { steeredSchema, topLevelSteering } from "./steering.js";

const ids = v.array(whole(0));
const many = <Item extends v.GenericSchema>(item: Item) =>
  v.pipe(v.array(item), v.minLength(1), v.maxLength(128));

export const completionRequestSchema = v.looseObject({
  prompt: v.union(
    [v.string(), many(v.string()), v.pipe(ids, v.minLength(1)), many(ids)],
    "it must be a text, a list of texts, a list of token ids, or a list of such lists",
  ),
  ...deliveryFields,
  ...choosingFields,
  logprobs: v.nullish(whole(0, 20)),
  echo: v.nullish(v.boolean()),
  suffix: v.nullish(v.string()),
  best_of: v.nullish(whole(1)),
  ...topLevelSteering,
});
export type CompletionRequest = v.InferOutput<typeof completionRequestSchema>;

const probabilities = v.nullable(
  v.object({
    tokens: v.array(v.string()),
    token_logprobs: v.array(v.number()),
    top_logprobs: v.array(v.record(v.string(), v.number())),
    text_offset: v.array(v.number()),
  }),
);
export type CompletionProbabilities = v.InferOutput<typeof probabilities>;

/** Whole, and each piece of a stream. */
export const completionResponseSchema = v.object({
  id: v.string(),
  object: v.literal("text_completion"),
  created: v.number(),
  model: v.string(),
  system_fingerprint: v.string(),
  choices: v.array(
    v.object({
      index: v.number(),
      text: v.string(),
      logprobs: probabilities,
      finish_reason: v.nullable(finishReasonSchema),
      amulet: v.optional(steeredSchema),
    }),
  ),
  usage: v.optional(v.nullable(usageSchema)),
});
export type CompletionResponse = v.InferOutput<typeof completionResponseSchema>;
