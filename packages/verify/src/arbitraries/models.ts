/** Tiny checkpoints of every family with random weights, large enough for attention to matter, and token rows. */
import fc from "fast-check";
import type { PlainTensor } from "../oracles/transformers/checkpoint.js";
import type { Gemma3Config } from "../oracles/transformers/gemma3.js";
import type { Gpt2Config } from "../oracles/transformers/gpt2.js";
import type { LlamaConfig, LlamaType } from "../oracles/transformers/llama.js";
import { fillTensors, gemma3Shapes, gpt2Shapes, llamaShapes, type Shapes } from "./tiny-checkpoint.js";

/** config.json's name for the architecture, beside what the logits depend on. */
type Named<Config> = Config & { readonly architectures: readonly [string] };

interface Tiny<Family extends string, Config> {
  readonly family: Family;
  readonly config: Named<Config>;
  /** Under their Hugging Face names. */
  readonly tensors: Map<string, PlainTensor>;
}

/** A model as plain data. */
export type TinyModel =
  | Tiny<LlamaType, LlamaConfig>
  | Tiny<"gemma3", Gemma3Config>
  | Tiny<"gpt2", Gpt2Config>;

/** The families that have an oracle. */
export type TinyFamily = TinyModel["family"];

const vocabulary = 11;

/** Sizes that the Llama-like families share: 1 or 2 blocks, heads in groups of 1 to 3. */
const sizes = {
  seed: fc.nat({ max: 9999 }),
  layers: fc.integer({ min: 1, max: 2 }),
  groups: fc.integer({ min: 1, max: 2 }),
  share: fc.integer({ min: 1, max: 3 }),
};

/** Tokens that a sliding block sees; rows have up to 8. */
const windowWidth = fc.integer({ min: 1, max: 4 });

const scalingNumbers = {
  factor: 4,
  low_freq_factor: 1,
  high_freq_factor: 4,
  original_max_position_embeddings: 16,
};

interface Sizes {
  readonly layers: number;
  readonly groups: number;
  readonly share: number;
}

/** What the config of every family with rotary positions has. */
function rotaryConfig({ layers, groups, share }: Sizes) {
  return {
    vocab_size: vocabulary,
    hidden_size: 8,
    intermediate_size: 12,
    num_hidden_layers: layers,
    num_attention_heads: groups * share,
    num_key_value_heads: groups,
    head_dim: 4,
    rms_norm_eps: 1e-5,
    max_position_embeddings: 64,
  };
}

function llamaConfig(model_type: LlamaType, sizes: Sizes) {
  return { model_type, ...rotaryConfig(sizes), rope_theta: 100 };
}

const architectures = {
  llama: ["LlamaForCausalLM"],
  mistral: ["MistralForCausalLM"],
  qwen2: ["Qwen2ForCausalLM"],
  qwen3: ["Qwen3ForCausalLM"],
  gemma3: ["Gemma3ForCausalLM"],
  gpt2: ["GPT2LMHeadModel"],
} as const;

/** A family's models from the numbers that shrink; a failing one is printed as those numbers, not as its weights. */
function tinyModels<Numbers extends { readonly seed: number }, Model extends TinyModel>(
  family: Model["family"],
  numbers: fc.Arbitrary<Numbers>,
  configOf: (numbers: Numbers) => Omit<Model["config"], "architectures">,
  shapesOf: (config: Model["config"]) => Shapes,
): fc.Arbitrary<Model> {
  return numbers.map((drawn) => {
    const config = { architectures: architectures[family], ...configOf(drawn) } as Model["config"];
    const tensors = fillTensors(shapesOf(config), drawn.seed);
    const write = () => `tiny ${family} ${fc.stringify({ ...drawn })}`;
    return { family, config, tensors, [fc.toStringMethod]: write } as unknown as Model;
  });
}

type LlamaModel = Extract<TinyModel, { family: LlamaType }>;

/** Llama: tied or not, each scaling of the rotations. */
export const tinyLlama: fc.Arbitrary<TinyModel> = tinyModels<
  Sizes & { seed: number; tied: boolean; scaling: string },
  LlamaModel
>(
  "llama",
  fc.record({ ...sizes, tied: fc.boolean(), scaling: fc.constantFrom("default", "linear", "llama3") }),
  ({ tied, scaling, ...rest }) => ({
    ...llamaConfig("llama", rest),
    tie_word_embeddings: tied,
    ...(scaling !== "default" && { rope_scaling: { rope_type: scaling, ...scalingNumbers } }),
  }),
  llamaShapes,
);

/** Mistral: with a window or without. */
export const tinyMistral: fc.Arbitrary<TinyModel> = tinyModels<
  Sizes & { seed: number; window: number | null },
  LlamaModel
>(
  "mistral",
  fc.record({ ...sizes, window: fc.option(windowWidth) }),
  ({ window, ...rest }) => ({
    ...llamaConfig("mistral", rest),
    tie_word_embeddings: false,
    sliding_window: window,
  }),
  llamaShapes,
);

/** Qwen2 and Qwen3: tied or not; a window that is off, on in the upper block, or on where `layer_types` says. */
function tinyQwen(family: "qwen2" | "qwen3"): fc.Arbitrary<TinyModel> {
  const windows = fc.constantFrom("off", "upper", "listed");
  const numbers = fc.record({ ...sizes, tied: fc.boolean(), window: windowWidth, windows });
  return tinyModels<Sizes & { seed: number; tied: boolean; window: number; windows: string }, LlamaModel>(
    family,
    numbers,
    ({ tied, window, windows, ...rest }) => ({
      ...llamaConfig(family, rest),
      tie_word_embeddings: tied,
      sliding_window: window,
      use_sliding_window: windows !== "off",
      max_window_layers: rest.layers - 1,
      ...(windows === "listed" && { layer_types: slidingFirst(rest.layers) }),
    }),
    llamaShapes,
  );
}

const slidingFirst = (layers: number) =>
  Array.from({ length: layers }, (_, layer) =>
    layer === 0 ? ("sliding_attention" as const) : ("full_attention" as const),
  );

/** Qwen2, with biases on queries, keys and values. */
export const tinyQwen2 = tinyQwen("qwen2");

/** Qwen3, with norms of queries and keys. */
export const tinyQwen3 = tinyQwen("qwen3");

/** Gemma 3: the first block sliding, the second full; soft caps or none. */
export const tinyGemma3: fc.Arbitrary<TinyModel> = tinyModels<
  Sizes & { seed: number; window: number; capped: boolean },
  Extract<TinyModel, { family: "gemma3" }>
>(
  "gemma3",
  fc.record({ ...sizes, window: windowWidth, capped: fc.boolean() }),
  ({ window, capped, ...chosen }) => ({
    ...rotaryConfig(chosen),
    query_pre_attn_scalar: 6,
    sliding_window: window,
    layer_types: slidingFirst(chosen.layers),
    rope_parameters: {
      full_attention: { rope_type: "linear", factor: 2, rope_theta: 100 },
      sliding_attention: { rope_type: "default", rope_theta: 10 },
    },
    ...(capped && { attn_logit_softcapping: 3, final_logit_softcapping: 5 }),
  }),
  gemma3Shapes,
);

/** GPT-2: 1 or 2 blocks, 1 or 2 heads. */
export const tinyGpt2: fc.Arbitrary<TinyModel> = tinyModels<
  { seed: number; layers: number; heads: number },
  Extract<TinyModel, { family: "gpt2" }>
>(
  "gpt2",
  fc.record({ seed: sizes.seed, layers: sizes.layers, heads: fc.integer({ min: 1, max: 2 }) }),
  ({ layers, heads }) => ({
    vocab_size: vocabulary,
    n_embd: 8,
    n_head: heads,
    n_layer: layers,
    n_positions: 64,
    layer_norm_epsilon: 1e-5,
  }),
  gpt2Shapes,
);

/** Each family's models. */
export const tinyFamilies: Readonly<Record<TinyFamily, fc.Arbitrary<TinyModel>>> = {
  llama: tinyLlama,
  gpt2: tinyGpt2,
  mistral: tinyMistral,
  qwen2: tinyQwen2,
  qwen3: tinyQwen3,
  gemma3: tinyGemma3,
};

/** Any family; a failure that has nothing to do with it shrinks to a Llama. */
export const tinyModel: fc.Arbitrary<TinyModel> = fc.oneof(
  { withCrossShrink: true },
  ...Object.values(tinyFamilies),
);

/** Tokens for any tiny model. */
export const tokenRow = fc.array(fc.nat({ max: vocabulary - 1 }), { minLength: 1, maxLength: 8 });

/** One of them, always the same. */
export function exampleOf(models: fc.Arbitrary<TinyModel>): TinyModel {
  return fc.sample(models, { numRuns: 1, seed: 1 })[0]!;
}
