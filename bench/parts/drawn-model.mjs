/** Models of real shapes with drawn weights, as GGUF files: they say nothing, and cost what real ones cost. */
import { open } from "node:fs/promises";
import { encodeGgufHeader, ggufPadding } from "../../packages/files/dist/formats/encode/encode-gguf.js";

/** ggml's numbers, sizes of a block, and scales (halves, powers of two) that make weights of about 1/28. */
const types = {
  F32: { id: 0, numbers: 1, bytes: 4 },
  Q4_0: { id: 2, numbers: 32, bytes: 18, scale: 0x2000 },
  Q8_0: { id: 8, numbers: 32, bytes: 34, scale: 0x1000 },
};

const llamaBlock = ({ width: D, heads: H, groups: G, headWidth: K, feedForward: F }) => ({
  "attn_norm.weight": [D],
  "attn_q.weight": [H * K, D],
  "attn_k.weight": [G * K, D],
  "attn_v.weight": [G * K, D],
  "attn_output.weight": [D, H * K],
  "ffn_norm.weight": [D],
  "ffn_gate.weight": [F, D],
  "ffn_up.weight": [F, D],
  "ffn_down.weight": [D, F],
});

const headNorms = ({ headWidth: K }) => ({ "attn_q_norm.weight": [K], "attn_k_norm.weight": [K] });

/** By the names of architectures: a block's tensors, those of the model, and what else the metadata says. */
const families = {
  gpt2: {
    block: ({ width: D, feedForward: F }) => ({
      "attn_norm.weight": [D],
      "attn_norm.bias": [D],
      "attn_qkv.weight": [3 * D, D],
      "attn_qkv.bias": [3 * D],
      "attn_output.weight": [D, D],
      "attn_output.bias": [D],
      "ffn_norm.weight": [D],
      "ffn_norm.bias": [D],
      "ffn_up.weight": [F, D],
      "ffn_up.bias": [F],
      "ffn_down.weight": [D, F],
      "ffn_down.bias": [D],
    }),
    top: ({ width: D, context: P }) => ({ "position_embd.weight": [P, D], "output_norm.bias": [D] }),
    epsilon: "attention.layer_norm_epsilon",
  },
  qwen3: {
    block: (shape) => ({ ...llamaBlock(shape), ...headNorms(shape) }),
    top: () => ({}),
    epsilon: "attention.layer_norm_rms_epsilon",
  },
  gemma3: {
    block: (shape) => ({
      ...llamaBlock(shape),
      ...headNorms(shape),
      "post_attention_norm.weight": [shape.width],
      "post_ffw_norm.weight": [shape.width],
    }),
    top: () => ({}),
    epsilon: "attention.layer_norm_rms_epsilon",
  },
};

/** Those of GPT-2, Qwen3-0.6B and Gemma-3-270M. */
export const shapes = {
  gpt2: {
    width: 768,
    heads: 12,
    groups: 12,
    headWidth: 64,
    feedForward: 3072,
    blocks: 12,
    tokens: 50257,
    context: 1024,
  },
  qwen3: {
    width: 1024,
    heads: 16,
    groups: 8,
    headWidth: 128,
    feedForward: 3072,
    blocks: 28,
    tokens: 151936,
    context: 4096,
  },
  gemma3: {
    width: 640,
    heads: 4,
    groups: 1,
    headWidth: 256,
    feedForward: 2048,
    blocks: 18,
    tokens: 262144,
    context: 4096,
  },
};

/** @param typeName of the matrices */
export async function drawModel(path, family, typeName) {
  const shape = shapes[family];
  const { block, top, epsilon } = families[family];
  const names = {
    "token_embd.weight": [shape.tokens, shape.width],
    "output_norm.weight": [shape.width],
    ...top(shape),
  };
  for (let b = 0; b < shape.blocks; b++)
    for (const [name, axes] of Object.entries(block(shape))) names[`blk.${b}.${name}`] = axes;
  const tensors = Object.entries(names).map(([name, axes]) => {
    const type = axes.length === 1 ? types.F32 : types[typeName];
    const count = axes.reduce((product, axis) => product * axis, 1);
    return { name, shape: axes, type: type.id, byteLength: (count / type.numbers) * type.bytes };
  });
  const file = await open(path, "w");
  await file.write(encodeGgufHeader(describe(family, shape, epsilon), tensors));
  const pattern = drawBlocks(types[typeName]);
  for (const { name, shape: axes, byteLength } of tensors) {
    if (axes.length === 1) await file.write(drawVector(name, axes[0]));
    else
      for (let at = 0; at < byteLength; at += pattern.length)
        await file.write(pattern.subarray(0, Math.min(pattern.length, byteLength - at)));
    await file.write(new Uint8Array(ggufPadding(byteLength)));
  }
  await file.close();
}

function describe(
  family,
  { width, heads, groups, headWidth, feedForward, blocks, tokens, context },
  epsilon,
) {
  const pieces = Array.from({ length: tokens }, (_, id) =>
    id < 94 ? String.fromCharCode(33 + id) : `w${id}`,
  );
  return {
    "general.architecture": { text: family },
    [`${family}.block_count`]: { uint32: blocks },
    [`${family}.context_length`]: { uint32: context },
    [`${family}.embedding_length`]: { uint32: width },
    [`${family}.feed_forward_length`]: { uint32: feedForward },
    [`${family}.attention.head_count`]: { uint32: heads },
    [`${family}.attention.head_count_kv`]: { uint32: groups },
    [`${family}.attention.key_length`]: { uint32: headWidth },
    [`${family}.attention.sliding_window`]: { uint32: 512 },
    [`${family}.${epsilon}`]: { float32: 1e-6 },
    "tokenizer.ggml.model": { text: "gpt2" },
    "tokenizer.ggml.pre": { text: "gpt-2" },
    "tokenizer.ggml.tokens": { texts: pieces },
    "tokenizer.ggml.token_type": { int32s: pieces.map(() => 1) },
    "tokenizer.ggml.merges": { texts: [] },
    "tokenizer.ggml.eos_token_id": { uint32: 0 },
  };
}

let state = 1;
function random() {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return state / 2 ** 32;
}

/** A prime number of blocks, to be repeated. */
function drawBlocks({ bytes, scale }) {
  const drawn = Uint8Array.from({ length: 4099 * bytes }, () => Math.floor(256 * random()));
  const view = new DataView(drawn.buffer);
  for (let at = 0; at < drawn.length; at += bytes) view.setUint16(at, scale, true);
  return drawn;
}

function drawVector(name, length) {
  const middle = name.endsWith(".bias") ? 0 : 1;
  return new Uint8Array(Float32Array.from({ length }, () => middle + (random() - 0.5) / 4).buffer);
}
