/** The field `amulet`: a preference, and how strongly it is followed. */
import * as v from "valibot";
import { finite, notNegative, share, whole, words } from "./fields.js";

export const methodNames = [
  "base",
  "pref",
  "la",
  "amulet",
  "amulet-exact",
  "bounded",
  "adacad",
  "nwcad",
  "promptcd",
] as const;
export type MethodName = (typeof methodNames)[number];

/** Strengths and masks, each of which belongs to some methods. */
export const dialFields = {
  guidance_scale: v.nullish(finite),
  iterations: v.nullish(whole(0, 1_000_000)),
  alpha: v.nullish(notNegative),
  lambda: v.nullish(notNegative),
  eta: v.nullish(v.union([v.pipe(finite, v.gtValue(0)), v.literal("Infinity")])),
  kl_budget: v.nullish(notNegative),
  plausibility: v.nullish(share),
  min_p_mask: v.nullish(share),
  top_n_sigma: v.nullish(notNegative),
  ratio: v.nullish(finite),
  warmup: v.nullish(v.pipe(notNegative, v.maxValue(1))),
  contrast: v.nullish(notNegative),
  schedule: v.nullish(v.pipe(v.string(), v.maxLength(1000))),
};
export type DialName = keyof typeof dialFields;

const weighted = v.strictObject({ text: words, weight: v.nullish(finite) });

/** A field that there is none of is a mistake here: no client sends this object without knowing it. */
export const steeringSchema = v.strictObject({
  preference: v.nullish(words),
  preferences: v.nullish(v.pipe(v.array(weighted), v.minLength(1), v.maxLength(16))),
  negative_prompt: v.nullish(words),
  preference_in: v.nullish(v.picklist(["question", "system"])),
  method: v.nullish(v.picklist(methodNames)),
  ...dialFields,
  explain: v.nullish(
    v.union([
      v.boolean(),
      v.strictObject({ alternatives: v.nullish(whole(0, 20)), policies: v.nullish(v.boolean()) }),
    ]),
  ),
  /** Token ids that the answer has already, whoever said them: what comes behind them is answered. */
  begun: v.nullish(v.pipe(v.array(whole(0)), v.maxLength(100_000))),
});
export type Steering = v.InferOutput<typeof steeringSchema>;

/** As other local servers take them. */
export const topLevelSteering = {
  guidance_scale: v.nullish(finite),
  negative_prompt: v.nullish(v.pipe(v.string(), v.maxLength(20_000))),
  amulet: v.nullish(steeringSchema),
};

const tokenView = v.object({
  token: v.string(),
  id: v.number(),
  probability: v.number(),
  base_probability: v.number(),
  preference_probability: v.number(),
  /** Δ = log π_pref − log π_base, in nats. */
  delta: v.number(),
});
export type TokenViewBody = v.InferOutput<typeof tokenView>;

/** What the preference changed at one token. */
export const explanationSchema = v.object({
  ...tokenView.entries,
  /** x at this token, where the method is one number. */
  guidance_scale: v.nullable(v.number()),
  kl_from_base: v.number(),
  kl_from_preference: v.number(),
  base_choice: tokenView,
  preference_choice: tokenView,
  /** The most probable tokens beside the one that was taken. */
  candidates: v.array(tokenView),
  /** Of an engine that gives the most probable tokens alone: how much of each prompt's policy that is. */
  seen: v.optional(v.object({ base: v.number(), preference: v.number() })),
  /** Where they were asked for: both prompts' log-probabilities over the vocabulary, float32, least byte first, in base64. */
  policies: v.optional(v.object({ base: v.string(), preference: v.string() })),
});
export type ExplanationBody = v.InferOutput<typeof explanationSchema>;

/** Beside a choice, where explanations were asked for. */
export const steeredSchema = v.object({ tokens: v.array(explanationSchema) });
export type Steered = v.InferOutput<typeof steeredSchema>;
