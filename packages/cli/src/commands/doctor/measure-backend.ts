/**
 * What one backend does on this machine: how fast, and how right. About three seconds each.
 *
 * Letters: N rows · D, V inputs and outputs of a matrix · B batch rows · T tokens.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { type BackendFacts, type BackendName, startBackend } from "@amulet-ts/backends";
import { loadModel, type TensorSession } from "@amulet-ts/models";
import * as tf from "@tensorflow/tfjs-core";
import type { Expectation } from "./specimen.js";

/** A result beside what float64 gives for it. */
export interface Agreement {
  readonly error: number;
  readonly tolerance: number;
}

export interface Measurement extends BackendFacts {
  readonly name: BackendName;
  readonly startMs: number;
  /** 10^9 additions and multiplications a second in `[128, 1024] · [1024, 1024]`. */
  readonly gflops: number;
  /** 10^9 bytes of float32 matrices read a second, in products with two rows. */
  readonly gigabytesPerSecond: number;
  /** One decoding step of two rows of the specimen, with its logits. */
  readonly msPerToken: number;
  readonly product: Agreement;
  readonly forward: Agreement;
}

const milliseconds = 700;

/** @param folder of the specimen */
export async function measureBackend(name: string, folder: string): Promise<Measurement> {
  const before = performance.now();
  const { passedOver: _, ...facts } = await startBackend(name);
  const startMs = performance.now() - before;
  const { gflops, product } = await measureProduct();
  const gigabytesPerSecond = await measureReading();
  const { msPerToken, forward } = await measureModel(folder, facts);
  return { ...facts, startMs, gflops, gigabytesPerSecond, msPerToken, product, forward };
}

async function measureProduct(): Promise<{ gflops: number; product: Agreement }> {
  const [N, D, V] = [128, 1024, 1024];
  const [x, w] = [noise(N * D, 1), noise(D * V, 2)];
  const [x_ND, w_DV] = [tf.tensor2d(x, [N, D]), tf.tensor2d(w, [D, V])];
  let values: Float32Array | undefined;
  const seconds = await timePerCall(async () => {
    const y_NV = tf.matMul(x_ND, w_DV);
    values = (await y_NV.data()) as Float32Array;
    y_NV.dispose();
  });
  tf.dispose([x_ND, w_DV]);
  return { gflops: (2e-9 * N * D * V) / seconds, product: compareProduct(values!, x, w, [N, D, V]) };
}

/**
 * Some entries against float64. D roundings of partial sums, which are about as large as the terms' Euclidean norm, add up
 * like a random walk; four times that is the tolerance. Factors cut to TF32's ten bits are 25 times further off.
 */
function compareProduct(
  came: Float32Array,
  x: Float32Array,
  w: Float32Array,
  [N, D, V]: readonly [number, number, number],
): Agreement {
  let worst: Agreement = { error: 0, tolerance: 1 };
  for (let probe = 0; probe < 64; probe++) {
    const [row, column] = [(probe * 37) % N, (probe * 101) % V];
    let [sum, squares] = [0, 0];
    for (let d = 0; d < D; d++) {
      const term = x[row * D + d]! * w[d * V + column]!;
      sum += term;
      squares += term * term;
    }
    const tolerance = 4 * Math.sqrt(D) * 2 ** -24 * Math.sqrt(squares);
    const error = Math.abs(came[row * V + column]! - sum);
    if (Number.isNaN(error)) return { error, tolerance };
    if (error / tolerance > worst.error / worst.tolerance) worst = { error, tolerance };
  }
  return worst;
}

/** More matrices than a processor's caches hold, each read once for two rows, as in a decoding step. */
async function measureReading(): Promise<number> {
  const [D, V, count] = [1024, 2048, 12];
  const x_ND = tf.tensor2d(noise(2 * D, 3), [2, D]);
  const matrices = Array.from({ length: count }, (_, i) => tf.tensor2d(noise(D * V, 4 + i), [D, V]));
  const seconds = await timePerCall(async () => {
    const sum_1 = tf.tidy(() => {
      // Not addN: WebGPU binds at most some ten tensors at once.
      const products = matrices.map((w_DV): tf.Tensor => tf.matMul(x_ND, w_DV));
      return tf.sum(products.reduce((sum, y_NV) => tf.add(sum, y_NV)));
    });
    await sum_1.data();
    sum_1.dispose();
  });
  tf.dispose([x_ND, ...matrices]);
  return (4e-9 * count * D * V) / seconds;
}

async function measureModel(folder: string, facts: BackendFacts) {
  const { ids, logits_V, tolerance }: Expectation = JSON.parse(
    await readFile(join(folder, "expectation.json"), "utf8"),
  );
  using model = await loadModel(folder, { memory: facts.memory });
  using session = model.openTensorSession(2);
  const came_V = await nextLogits(session, [ids, ids.slice(1)]);
  const error = logits_V.reduce((worst, logit, v) => Math.max(worst, Math.abs(came_V[v]! - logit)), 0);
  let token = 0;
  const seconds = await timePerCall(
    async () => {
      token = (token + 1) % logits_V.length;
      await nextLogits(session, [[token], [token]]);
    },
    model.contextLength - 2 * ids.length,
  );
  return { msPerToken: 1000 * seconds, forward: { error, tolerance } };
}

async function nextLogits(
  session: TensorSession,
  rows: readonly (readonly number[])[],
): Promise<Float32Array> {
  const logits_BV = session.append(rows);
  const values = (await logits_BV.data()) as Float32Array;
  logits_BV.dispose();
  return values;
}

/**
 * Seconds a call takes: the median, for other programs run too. The first calls compile and pack and are left out, one
 * where it is slow and two where it is not; what is slow is called once more, the rest for as long as a measure takes.
 */
async function timePerCall(call: () => Promise<void>, mostCalls = Number.POSITIVE_INFINITY): Promise<number> {
  const timed = async () => {
    const start = performance.now();
    await call();
    return (performance.now() - start) / 1000;
  };
  const before = performance.now();
  const isShort = () => performance.now() - before < milliseconds;
  let warm = 0;
  for (; warm < 1 || (warm < 2 && isShort()); warm++) await call();
  const seconds = [await timed()];
  while (isShort() && warm + seconds.length < mostCalls) seconds.push(await timed());
  return seconds.sort((a, b) => a - b)[seconds.length >> 1]!;
}

/** Numbers in [-1, 1) without a pattern, by a linear congruence. */
function noise(length: number, seed: number): Float32Array {
  let state = seed;
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}
