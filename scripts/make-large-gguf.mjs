/**
 * Writes a Llama with random weights in Q4_0, in the shape of Llama 3's 8B unless told otherwise (4.5 GB), piece by piece:
 *
 *     node scripts/make-large-gguf.mjs FILE.gguf [BLOCKS]
 *
 * The tokenizer knows single bytes and "th"; the rest of its 128,256 tokens are names without a text of their own. It needs the
 * packages built (`npm run build`).
 */
import { createWriteStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { encodeGgufHeader, ggufPadding } from "@amulet-ts/files";

const [width, heads, groups, feedForward, vocabulary] = [4096, 32, 8, 14_336, 128_256];
const keyWidth = (width / heads) * groups;
const [f32, q4_0] = [0, 2];

/** Bytes of a block of 32 weights: a scale in float16 and two weights a byte. */
const blockBytes = 18;
/** 0.004 in float16: weights are −8 to 7 times that, 0.018 in the root of their mean square. */
const scaleBits = 0x1c19;

async function makeLargeGguf(path, blocks) {
  const tensors = listTensors(blocks);
  await pipeline(writeParts(tensors, blocks), createWriteStream(path, { highWaterMark: 2 ** 24 }));
}

function* writeParts(tensors, blocks) {
  yield encodeGgufHeader(describeModel(blocks), tensors);
  const weights = randomBlocks();
  for (const { type, byteLength } of tensors) {
    if (type === f32) yield new Uint8Array(new Float32Array(byteLength / 4).fill(1).buffer);
    else for (let left = byteLength; left > 0; left -= weights.length) yield weights.subarray(0, left);
    yield new Uint8Array(ggufPadding(byteLength));
  }
}

function listTensors(blocks) {
  const matrices = [
    ["attn_q", [width, width]],
    ["attn_k", [keyWidth, width]],
    ["attn_v", [keyWidth, width]],
    ["attn_output", [width, width]],
    ["ffn_gate", [feedForward, width]],
    ["ffn_up", [feedForward, width]],
    ["ffn_down", [width, feedForward]],
  ];
  const layers = Array.from({ length: blocks }, (_, layer) => [
    ...["attn_norm", "ffn_norm"].map((name) => describeNorm(`blk.${layer}.${name}.weight`)),
    ...matrices.map(([name, shape]) => describeMatrix(`blk.${layer}.${name}.weight`, shape)),
  ]);
  const ends = ["token_embd.weight", "output.weight"].map((name) =>
    describeMatrix(name, [vocabulary, width]),
  );
  return [...ends, describeNorm("output_norm.weight"), ...layers.flat()];
}

function describeNorm(name) {
  return { name, shape: [width], type: f32, byteLength: 4 * width };
}

function describeMatrix(name, shape) {
  return { name, shape, type: q4_0, byteLength: ((shape[0] * shape[1]) / 32) * blockBytes };
}

function describeModel(blocks) {
  const letters = byteLetters();
  const names = Array.from({ length: vocabulary - 257 }, (_, n) => `<|unused_${n}|>`);
  const end = vocabulary - 1;
  return {
    "general.architecture": { text: "llama" },
    "general.name": { text: "random 8B" },
    "llama.block_count": { uint32: blocks },
    "llama.context_length": { uint32: 8192 },
    "llama.embedding_length": { uint32: width },
    "llama.feed_forward_length": { uint32: feedForward },
    "llama.attention.head_count": { uint32: heads },
    "llama.attention.head_count_kv": { uint32: groups },
    "llama.attention.layer_norm_rms_epsilon": { float32: 1e-5 },
    "llama.rope.freq_base": { float32: 500_000 },
    "llama.vocab_size": { uint32: vocabulary },
    "tokenizer.ggml.model": { text: "gpt2" },
    "tokenizer.ggml.pre": { text: "llama-bpe" },
    "tokenizer.ggml.tokens": { texts: [...letters, "th", ...names] },
    "tokenizer.ggml.token_type": { int32s: [...letters, "th"].map(() => 1).concat(names.map(() => 3)) },
    "tokenizer.ggml.merges": { texts: ["t h"] },
    "tokenizer.ggml.eos_token_id": { uint32: end },
    "tokenizer.chat_template": {
      text: "{% for message in messages %}{{ message['role'] + ': ' + message['content'] + '\n' }}{% endfor %}",
    },
  };
}

/** A visible character for each byte, as GPT-2's tokenizer spells them. */
function byteLetters() {
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => {
    const isVisible = (byte > 32 && byte < 127) || (byte > 160 && byte !== 173);
    return String.fromCodePoint(isVisible ? byte : next++);
  });
}

/** Random weights; a prime number of blocks, so that no two rows of a matrix are alike. The same everywhere. */
function randomBlocks() {
  const blocks = 1_000_003;
  const bytes = new Uint8Array(blocks * blockBytes);
  const words = new DataView(bytes.buffer);
  let state = 1;
  for (let at = 0; at < bytes.length; at += 2) {
    // Park and Miller's generator, its middle bits.
    state = (state * 48_271) % 2_147_483_647;
    words.setUint16(at, at % blockBytes === 0 ? scaleBits : (state >>> 8) & 0xffff, true);
  }
  return bytes;
}

const [path, blocks = "32"] = process.argv.slice(2);
if (path === undefined) throw new Error("Name the file that the model shall be written to.");
await makeLargeGguf(path, Number(blocks));
