/**
 * The first thing that llama.cpp computes here: a product that is known. Layouts, places of tokens and what is asked for
 * go the way of every later call, and a library that reads them otherwise, or multiplies wrongly, shows.
 *
 * Letters: D width · V vocabulary.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeGguf, type GgufValue } from "@amulet-ts/files";
import { EngineError } from "../errors.js";
import { Context } from "./context.js";
import { freeModel, loadModelFile } from "./load.js";
import type { Llama } from "./native/library.js";
import { ThreadPool } from "./native/thread-pool.js";
import { ThreadCount } from "./threads.js";

const [D, V] = [32, 48];
const epsilon = 1e-5;

const checked = new WeakMap<Llama, Promise<void>>();

/** Once for a library. @throws EngineError `missing-engine` where another number comes out */
export function checkKnownProduct(llama: Llama): Promise<void> {
  const check = checked.get(llama) ?? computeKnownProduct(llama);
  checked.set(llama, check);
  return check;
}

async function computeKnownProduct(llama: Llama): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "amulet-llama-cpp-"));
  try {
    const path = join(folder, "known.gguf");
    await writeFile(path, knownModel());
    const address = await loadModelFile(llama, path, { cardLayers: 0 });
    const pool = new ThreadPool(llama, 2);
    const threads = new ThreadCount(2, true);
    try {
      await compare(new Context({ llama, address, vocabularySize: V, threads, pool, onCard: false }));
    } finally {
      await freeModel(llama, address);
      pool.free();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Two rows in one call, of which the second is longer and asked for twice. */
const tokens = [
  { id: 5, position: 0, sequence: 0, isRead: true },
  { id: 1, position: 0, sequence: 1, isRead: true },
  { id: 7, position: 1, sequence: 1, isRead: false },
  { id: 40, position: 2, sequence: 1, isRead: true },
];

async function compare(context: Context): Promise<void> {
  try {
    await context.reserve(2);
    const rows: Float32Array[] = [];
    await context.read(tokens, [], (logits_V) => rows.push(logits_V.slice()));
    const asked = tokens.filter(({ isRead }) => isRead);
    const errors = asked.map(({ id }, row) =>
      Math.max(...knownLogits(id).map((value, v) => Math.abs(value - rows[row]![v]!))),
    );
    // Sums of D products below 1, each rounded a few times in float32, with √D for the norm's size.
    const bound = D * Math.sqrt(D) * 2 ** -22;
    if (errors.every((error) => error <= bound)) return;
    throw new EngineError(
      "missing-engine",
      `llama.cpp gets a known product wrong here, by ${Math.max(...errors)}: its build does not fit this machine.`,
    );
  } finally {
    context.free();
  }
}

/** A number between −1/2 and 1/2, its own for every place. */
function entry(v: number, d: number): number {
  return Math.fround(Math.sin(1 + v * D + d) / 2);
}

/** The embedding of a token, normalised, times all embeddings; in float64. */
function knownLogits(id: number): number[] {
  const state = Array.from({ length: D }, (_, d) => entry(id, d));
  const norm = Math.sqrt(state.reduce((sum, value) => sum + value * value, 0) / D + epsilon);
  return Array.from({ length: V }, (_, v) =>
    state.reduce((sum, value, d) => sum + (value / norm) * entry(v, d), 0),
  );
}

/** A Llama of one block that adds nothing. */
function knownModel(): Uint8Array {
  const uint32 = (value: number): GgufValue => ({ uint32: value });
  const metadata: Record<string, GgufValue> = {
    "general.architecture": { text: "llama" },
    "llama.block_count": uint32(1),
    "llama.context_length": uint32(64),
    "llama.embedding_length": uint32(D),
    "llama.feed_forward_length": uint32(D),
    "llama.attention.head_count": uint32(1),
    "llama.attention.layer_norm_rms_epsilon": { float32: epsilon },
    "llama.vocab_size": uint32(V),
    "tokenizer.ggml.model": { text: "no_vocab" },
  };
  const zeros = { shape: [D, D], values: new Float32Array(D * D) };
  const ones = { shape: [D], values: new Float32Array(D).fill(1) };
  const embedding = Float32Array.from({ length: V * D }, (_, i) => entry(Math.floor(i / D), i % D));
  const matrices = ["attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"];
  return encodeGguf(
    metadata,
    new Map([
      ["token_embd.weight", { shape: [V, D], values: embedding }],
      ["output_norm.weight", ones],
      ["blk.0.attn_norm.weight", ones],
      ["blk.0.ffn_norm.weight", ones],
      ...matrices.map((name) => [`blk.0.${name}.weight`, zeros] as const),
    ]),
  );
}
