/** `POST /v1/chat/completions`: what is asked, and what is answered, whole and in pieces. */
import * as v from "valibot";
import {
  choosingFields,
  deliveryFields,
  finishReasonSchema,
  tokenCount,
  usageSchema,
  whole,
} from "./fields.js";
import { steeredSchema, topLevelSteering } from "./steering.js";

const textPart = v.looseObject({ type: v.string(), text: v.nullish(v.string()) });

export const messageSchema = v.looseObject({
  role: v.string(),
  content: v.nullish(v.union([v.string(), v.pipe(v.array(textPart), v.maxLength(1000))])),
});
export type Message = v.InferOutput<typeof messageSchema>;

export const messagesSchema = v.pipe(v.array(messageSchema), v.minLength(1), v.maxLength(10_000));

export const chatRequestSchema = v.looseObject({
  messages: messagesSchema,
  ...deliveryFields,
  ...choosingFields,
  max_completion_tokens: tokenCount,
  logprobs: v.nullish(v.boolean()),
  top_logprobs: v.nullish(whole(0, 20)),
  ...topLevelSteering,
});
export type ChatRequest = v.InferOutput<typeof chatRequestSchema>;

const tokenProbability = v.object({
  token: v.string(),
  /** Under the method's policy, before temperature, penalties and the like. */
  logprob: v.number(),
  bytes: v.nullable(v.array(v.number())),
});
export type TokenProbability = v.InferOutput<typeof tokenProbability>;

const contentProbability = v.object({
  ...tokenProbability.entries,
  top_logprobs: v.array(tokenProbability),
});
export type ContentProbability = v.InferOutput<typeof contentProbability>;

const probabilities = v.nullable(
  v.object({ content: v.array(contentProbability), refusal: v.nullable(v.array(contentProbability)) }),
);

const head = {
  id: v.string(),
  created: v.number(),
  model: v.string(),
  system_fingerprint: v.string(),
};

export const chatResponseSchema = v.object({
  ...head,
  object: v.literal("chat.completion"),
  choices: v.array(
    v.object({
      index: v.number(),
      message: v.object({
        role: v.literal("assistant"),
        content: v.string(),
        refusal: v.nullable(v.string()),
      }),
      logprobs: probabilities,
      finish_reason: finishReasonSchema,
      amulet: v.optional(steeredSchema),
    }),
  ),
  usage: usageSchema,
});
export type ChatResponse = v.InferOutput<typeof chatResponseSchema>;

export const chatChunkSchema = v.object({
  ...head,
  object: v.literal("chat.completion.chunk"),
  choices: v.array(
    v.object({
      index: v.number(),
      delta: v.object({ role: v.optional(v.literal("assistant")), content: v.optional(v.string()) }),
      logprobs: probabilities,
      finish_reason: v.nullable(finishReasonSchema),
      amulet: v.optional(steeredSchema),
    }),
  ),
  usage: v.optional(v.nullable(usageSchema)),
});
export type ChatChunk = v.InferOutput<typeof chatChunkSchema>;
