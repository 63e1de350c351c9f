/**
 * The model that `doctor` measures with: a Llama of 8 million random numbers, the same on every machine, in a temporary
 * folder, with the logits that a float64 oracle computes for it.
 *
 * Letters: T tokens · V vocabulary.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeSafetensors } from "@amulet-ts/files";
import { oracleLogits } from "@amulet-ts/verify";

/** What a measuring process needs to know; written as JSON beside the model. */
export interface Expectation {
  readonly ids: readonly number[];
  /** Of the oracle, after the last of the ids. */
  readonly logits_V: readonly number[];
  /** How far float32 may be from them. */
  readonly tolerance: number;
}

export interface Specimen {
  readonly folder: string;
  remove(): Promise<void>;
}

const config = {
  architectures: ["LlamaForCausalLM"],
  hidden_act: "silu",
  hidden_size: 256,
  intermediate_size: 704,
  num_hidden_layers: 8,
  num_attention_heads: 8,
  num_key_value_heads: 4,
  head_dim: 32,
  vocab_size: 8192,
  max_position_embeddings: 2048,
  rms_norm_eps: 1e-5,
  rope_theta: 10_000,
  tie_word_embeddings: true,
  eos_token_id: 0,
} as const;

/** Makes the folder; about 32 MB. Where that fails nothing of it stays. */
export async function makeSpecimen(): Promise<Specimen> {
  const folder = await mkdtemp(join(tmpdir(), "amulet-doctor-"));
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    await writeSpecimen(folder);
  } catch (error) {
    await remove();
    throw error;
  }
  return { folder, remove };
}

async function writeSpecimen(folder: string): Promise<void> {
  const tensors = drawTensors();
  const written = new Map([...tensors].map(([name, { shape, data }]) => [name, { shape, values: data }]));
  await writeFile(join(folder, "config.json"), JSON.stringify(config));
  await writeFile(join(folder, "tokenizer.json"), JSON.stringify(tokenizer()));
  await writeFile(join(folder, "model.safetensors"), encodeSafetensors(written, "F32"));
  await writeFile(join(folder, "expectation.json"), JSON.stringify(expect(tensors)));
}

interface PlainTensor<Data = Float32Array | Float64Array> {
  readonly shape: readonly number[];
  readonly data: Data;
}

type Tensors<Data = Float32Array | Float64Array> = Map<string, PlainTensor<Data>>;

type OracleModel = Parameters<typeof oracleLogits>[0];

/**
 * The tolerance is how much the logits move when every weight moves by ±2^-20, for weights that move by as many float32
 * roundings as the longest sum has, added like a random walk, and 32 more for exponentials, roots and quotients, which
 * graphics cards may round by several.
 */
function expect(tensors: Tensors): Expectation {
  const ids = [17, 4242, 5, 8000, 311];
  const logitsOf = (weights: Tensors) =>
    oracleLogits({ family: "llama", config, tensors: weights } as OracleModel, ids).at(-1)!;
  const [right, moved] = [logitsOf(tensors), logitsOf(nudge(tensors))];
  const change = Math.max(...right.map((logit, v) => Math.abs(logit - moved[v]!)));
  const roundings = Math.sqrt(config.intermediate_size) + 32;
  return { ids, logits_V: [...right], tolerance: (2 * roundings * 2 ** -24 * change) / nudgeSize };
}

/** Far above a rounding of float64, far below what bends the logits. */
const nudgeSize = 2 ** -20;

function nudge(tensors: Tensors): Tensors {
  const draw = generator(1);
  const moved = (data: Float32Array | Float64Array) =>
    Float64Array.from(data, (weight) => weight * (1 + Math.sign(draw()) * nudgeSize));
  return new Map([...tensors].map(([name, { shape, data }]) => [name, { shape, data: moved(data) }]));
}

function drawTensors(): Tensors<Float32Array> {
  const { hidden_size: D, intermediate_size: F, vocab_size: V, head_dim: K } = config;
  const [E, M] = [config.num_attention_heads * K, config.num_key_value_heads * K];
  const block = (index: number): [string, number[]][] =>
    Object.entries({
      "input_layernorm.weight": [D],
      "self_attn.q_proj.weight": [E, D],
      "self_attn.k_proj.weight": [M, D],
      "self_attn.v_proj.weight": [M, D],
      "self_attn.o_proj.weight": [D, E],
      "post_attention_layernorm.weight": [D],
      "mlp.gate_proj.weight": [F, D],
      "mlp.up_proj.weight": [F, D],
      "mlp.down_proj.weight": [D, F],
    }).map(([name, shape]) => [`model.layers.${index}.${name}`, shape]);
  const blocks = Array.from({ length: config.num_hidden_layers }, (_, index) => block(index)).flat();
  const shapes: [string, number[]][] = [
    ["model.embed_tokens.weight", [V, D]],
    ["model.norm.weight", [D]],
    ...blocks,
  ];
  const draw = generator(7);
  return new Map(shapes.map(([name, shape]) => [name, { shape, data: fill(shape, draw) }]));
}

/** Norms are around 1; matrices keep the size of what they multiply. */
function fill(shape: readonly number[], draw: () => number): Float32Array {
  const [rows, columns] = shape;
  if (columns === undefined) return Float32Array.from({ length: rows! }, () => 1 + 0.1 * draw());
  const scale = Math.sqrt(3 / columns);
  return Float32Array.from({ length: rows! * columns }, () => scale * draw());
}

/** Uniform in [-1, 1): a linear congruence, the same everywhere. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  };
}

/** A vocabulary without a meaning: `doctor` works with ids. */
function tokenizer() {
  const vocabulary = Array.from({ length: config.vocab_size }, (_, id) => [`t${id}`, id]);
  return {
    version: "1.0",
    added_tokens: [],
    normalizer: null,
    pre_tokenizer: { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true },
    post_processor: null,
    decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: { type: "BPE", vocab: Object.fromEntries(vocabulary), merges: [] },
  };
}
