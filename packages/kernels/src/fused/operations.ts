/**
 * What a block of a Llama does between two reads of its weights, as few operations: each takes tensors and gives tensors,
 * and stays in the kernels' memory in between. N: rows of activations · D: width.
 */
import type { Tensor1D, Tensor2D } from "@tensorflow/tfjs-core";
import type { Pool } from "../pool/pool.js";
import { type HeldBlocks, multiply } from "../weights/product.js";
import { type Rows, ScratchParts } from "./scratch-parts.js";
import { type Result, runOnTensors, type Work } from "./tensors.js";

/** A weight, of one part or of several whose outputs stand side by side. */
export type WeightParts = readonly (HeldBlocks & { readonly pool: Pool })[];

/** Runs work with scratch that goes when its results are copied, or when it fails. */
export function withScratch(
  pool: Pool,
  work: (scratch: ScratchParts, values: readonly Float32Array[]) => Result[],
): Work {
  return (values) => {
    const scratch = new ScratchParts(pool.heap);
    try {
      return { results: work(scratch, values), release: () => scratch.release() };
    } catch (error) {
      scratch.release();
      throw error;
    }
  };
}

/** RMS norm, then products with several weights: one result for each. */
export function normProducts(
  x_ND: Tensor2D,
  norm_D: Tensor1D,
  epsilon: number,
  weights: readonly WeightParts[],
): Tensor2D[] {
  const { pool } = weights[0]![0]!;
  const count = x_ND.shape[0];
  const work = withScratch(pool, (scratch, [x, norm]) => {
    const normed = normRows(pool, scratch, scratch.put(x!, count), norm!, epsilon);
    return multiplyAll(pool, scratch, normed, weights).map((rows) => resultOf(scratch, rows));
  });
  return runOnTensors([x_ND, norm_D], work);
}

/** Products with several weights: one result for each. */
export function products(x_NI: Tensor2D, weights: readonly WeightParts[]): Tensor2D[] {
  const { pool } = weights[0]![0]!;
  const work = withScratch(pool, (scratch, [x]) =>
    multiplyAll(pool, scratch, scratch.put(x!, x_NI.shape[0]), weights).map((rows) =>
      resultOf(scratch, rows),
    ),
  );
  return runOnTensors([x_NI], work);
}

/** y + x·w. */
export function addProduct(x_NE: Tensor2D, weight: WeightParts, y_ND: Tensor2D): Tensor2D {
  const { pool } = weight[0]!;
  const count = x_NE.shape[0];
  const work = withScratch(pool, (scratch, [x, y]) => {
    const sum = scratch.put(y!, count);
    multiplyInto(pool, scratch.put(x!, count), [{ weight, result: sum, adds: true }]);
    return [resultOf(scratch, sum)];
  });
  return runOnTensors([x_NE, y_ND], work)[0]!;
}

export interface FeedForwardParts {
  readonly gate: WeightParts;
  readonly up: WeightParts;
  readonly down: WeightParts;
}

/** x + SwiGLU of x's norm: norm, two products side by side, gate, a product, the residual. */
export function addFeedForward(
  x_ND: Tensor2D,
  norm_D: Tensor1D,
  epsilon: number,
  { gate, up, down }: FeedForwardParts,
): Tensor2D {
  const { pool } = gate[0]!;
  const count = x_ND.shape[0];
  const work = withScratch(pool, (scratch, [x, norm]) => {
    const sum = scratch.put(x!, count);
    const normed = normRows(pool, scratch, sum, norm!, epsilon);
    const [gates, ups] = multiplyAll(pool, scratch, normed, [gate, up]) as [Rows, Rows];
    pool.kernels.gate(gates.at, ups.at, gates.rowBytes * count);
    multiplyInto(pool, gates, [{ weight: down, result: sum, adds: true }]);
    return [resultOf(scratch, sum)];
  });
  return runOnTensors([x_ND, norm_D], work)[0]!;
}

export function resultOf(scratch: ScratchParts, rows: Rows): Result {
  return { shape: [rows.count, rows.width], values: scratch.read(rows) };
}

function normRows(pool: Pool, scratch: ScratchParts, x: Rows, norm: Float32Array, epsilon: number): Rows {
  const weight = scratch.put(norm, 1);
  const normed = scratch.rows(x.count, x.width);
  pool.kernels.rmsNorm(x.at, weight.at, normed.at, x.count, x.width, x.rowBytes, epsilon);
  return normed;
}

function multiplyAll(pool: Pool, scratch: ScratchParts, x: Rows, weights: readonly WeightParts[]): Rows[] {
  const outputsOf = (weight: WeightParts) => weight.reduce((sum, { outputs }) => sum + outputs, 0);
  const results = weights.map((weight) => scratch.rows(x.count, outputsOf(weight)));
  multiplyInto(
    pool,
    x,
    weights.map((weight, i) => ({ weight, result: results[i]!, adds: false })),
  );
  return results;
}

/** One job for all of them. */
function multiplyInto(
  pool: Pool,
  x: Rows,
  products: readonly { readonly weight: WeightParts; readonly result: Rows; readonly adds: boolean }[],
): void {
  const parts = products.flatMap(({ weight, result, adds }) => {
    let first = 0;
    return weight.map((blocks) => {
      const resultAt = result.at + 4 * first;
      first += blocks.outputs;
      return { blocks, resultAt, resultRowBytes: result.rowBytes, adds };
    });
  });
  multiply(pool, x, parts);
}
