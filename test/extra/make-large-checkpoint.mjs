/**
 * Writes a Llama of any size with random bf16 weights, or with none behind a true header:
 *
 *     node test/extra/make-large-checkpoint.mjs FOLDER [BLOCKS] [--sparse]
 *
 * The shape is TinyLlama-1.1B's: width 2048, 32 query and 4 key/value heads, feed-forward 5632, vocabulary 32,000,
 * and 22 blocks unless told otherwise. The tokenizer knows single bytes only.
 */
import { mkdir, open, writeFile } from "node:fs/promises";
import { join } from "node:path";

const [width, heads, groups, feedForward, vocabulary] = [2048, 32, 4, 5632, 32_000];
const keyWidth = (width / heads) * groups;

async function makeLargeCheckpoint(folder, blocks, sparse) {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "config.json"), JSON.stringify(describeConfig(blocks)));
  await writeFile(join(folder, "tokenizer.json"), JSON.stringify(describeTokenizer()));
  const file = await open(join(folder, "model.safetensors"), "w");
  try {
    const { header, dataBytes } = describeTensors(listTensors(blocks));
    await file.write(header);
    if (sparse) await file.truncate(header.length + dataBytes);
    else for (const piece of randomWeights(dataBytes)) await file.write(piece);
  } finally {
    await file.close();
  }
}

function describeConfig(blocks) {
  return {
    architectures: ["LlamaForCausalLM"],
    hidden_size: width,
    num_hidden_layers: blocks,
    num_attention_heads: heads,
    num_key_value_heads: groups,
    intermediate_size: feedForward,
    vocab_size: vocabulary,
    max_position_embeddings: 2048,
    rms_norm_eps: 1e-5,
    tie_word_embeddings: false,
  };
}

const sentencePieceDecoders = [
  { type: "Replace", pattern: { String: "▁" }, content: " " },
  { type: "ByteFallback" },
  { type: "Fuse" },
  { type: "Strip", content: " ", start: 1, stop: 0 },
];

function describeTokenizer() {
  const vocab = Object.fromEntries(Array.from({ length: 256 }, (_, byte) => [byteName(byte), byte]));
  return {
    model: { type: "BPE", vocab, merges: [], byte_fallback: true },
    decoder: { type: "Sequence", decoders: sentencePieceDecoders },
  };
}

function byteName(byte) {
  return `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`;
}

/** Name and shape of every tensor. */
function listTensors(blocks) {
  const block = [
    ["input_layernorm", [width]],
    ["self_attn.q_proj", [width, width]],
    ["self_attn.k_proj", [keyWidth, width]],
    ["self_attn.v_proj", [keyWidth, width]],
    ["self_attn.o_proj", [width, width]],
    ["post_attention_layernorm", [width]],
    ["mlp.gate_proj", [feedForward, width]],
    ["mlp.up_proj", [feedForward, width]],
    ["mlp.down_proj", [width, feedForward]],
  ];
  const layers = Array.from({ length: blocks }, (_, layer) =>
    block.map(([name, shape]) => [`model.layers.${layer}.${name}.weight`, shape]),
  );
  return [
    ["model.embed_tokens.weight", [vocabulary, width]],
    ...layers.flat(),
    ["model.norm.weight", [width]],
    ["lm_head.weight", [vocabulary, width]],
  ];
}

function describeTensors(tensors) {
  let end = 0;
  const entries = tensors.map(([name, shape]) => {
    const begin = end;
    end += 2 * shape.reduce((product, size) => product * size, 1);
    return [name, { dtype: "BF16", shape, data_offsets: [begin, end] }];
  });
  const json = Buffer.from(JSON.stringify(Object.fromEntries(entries)));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return { header: Buffer.concat([length, json]), dataBytes: end };
}

/** Numbers between -1/16 and 1/16, in pieces; the period is a prime, so that no two rows are alike. */
function* randomWeights(byteCount) {
  const period = Uint16Array.from({ length: 8_388_593 }, randomBfloat16);
  const bytes = Buffer.from(period.buffer);
  for (let left = byteCount; left > 0; left -= bytes.length)
    yield bytes.subarray(0, Math.min(left, bytes.length));
}

let state = 1;

/** Park and Miller's generator: the same weights everywhere. */
function randomBfloat16() {
  state = (state * 48_271) % 2_147_483_647;
  const [bits] = new Uint32Array(Float32Array.of((state / 2_147_483_647 - 0.5) / 8).buffer);
  return bits >>> 16;
}

const words = process.argv.slice(2);
const [folder, blocks = 22] = words.filter((word) => !word.startsWith("--"));
if (folder === undefined) throw new Error("Name the folder that the checkpoint shall be written to.");
await makeLargeCheckpoint(folder, Number(blocks), words.includes("--sparse"));
