/**
 * What a model's block does between two reads of its weights, as few operations: each takes tensors and gives tensors,
 * and stays in the kernels' memory in between. N: rows of activations · D: width.
 */
import type { Tensor, Tensor1D, Tensor2D } from "@tensorflow/tfjs-core";
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

/** The root mean square's, or, with a bias, the layer norm. */
export interface Norm {
  readonly weight_D: Tensor1D;
  readonly bias_D?: Tensor1D;
  readonly epsilon: number;
}

/** @typeParam Parts weights in the memory of the processor, or of a card */
export interface Linear<Parts = WeightParts> {
  readonly parts: Parts;
  /** Side by side, as many numbers as outputs. */
  readonly biases?: readonly Tensor1D[];
}

export interface FeedForward<Parts = WeightParts> {
  readonly norm: Norm;
  readonly activation: "silu" | "gelu";
  /** What is active, where it is not what goes up itself. */
  readonly gate?: Linear<Parts>;
  readonly up: Linear<Parts>;
  readonly down: Linear<Parts>;
  /** Of what comes down. */
  readonly outNorm?: Norm;
}

/** Where work is done, and the values of a tensor that it was given. */
interface Place {
  readonly pool: Pool;
  readonly scratch: ScratchParts;
  readonly read: (tensor: Tensor) => Float32Array;
}

/** Norm, then a product. */
export function normProduct(x_ND: Tensor2D, norm: Norm, linear: Linear): Tensor2D {
  const given = [x_ND, ...tensorsOf(norm), ...biasesOf(linear)];
  return runIn(linear, given, (place) => {
    const x = place.scratch.put(place.read(x_ND), x_ND.shape[0]);
    return multiplyAll(place, normRows(place, x, norm), [linear])[0]!;
  });
}

/** The product. */
export function product(x_NI: Tensor2D, parts: WeightParts): Tensor2D {
  return runIn({ parts }, [x_NI], (place) => {
    const x = place.scratch.put(place.read(x_NI), x_NI.shape[0]);
    return multiplyAll(place, x, [{ parts }])[0]!;
  });
}

/** y + x·w, or with a norm y + norm(x·w). */
export function addProduct(x_NE: Tensor2D, linear: Linear, y_ND: Tensor2D, norm?: Norm): Tensor2D {
  const given = [x_NE, y_ND, ...biasesOf(linear), ...tensorsOf(norm)];
  const count = x_NE.shape[0];
  return runIn(linear, given, (place) => {
    const sum = place.scratch.put(place.read(y_ND), count);
    addProductTo(place, sum, place.scratch.put(place.read(x_NE), count), linear, norm);
    return sum;
  });
}

/** x + what a feed-forward makes of x's norm: products side by side, activation and gate, a product, the residual. */
export function addFeedForward(x_ND: Tensor2D, feedForward: FeedForward): Tensor2D {
  const { norm, activation, gate, up, down, outNorm } = feedForward;
  const linears = gate ? [up, gate] : [up];
  const given = [x_ND, ...[norm, outNorm].flatMap(tensorsOf), ...[...linears, down].flatMap(biasesOf)];
  const count = x_ND.shape[0];
  return runIn(up, given, (place) => {
    const sum = place.scratch.put(place.read(x_ND), count);
    const [ups, gates] = multiplyAll(place, normRows(place, sum, norm), linears);
    const active = gates ?? ups!;
    const by = gates ? ups!.at : 0;
    place.pool.kernels.activate(active.at, by, active.rowBytes * count, Number(activation === "gelu"));
    addProductTo(place, sum, active, down, outNorm);
    return sum;
  });
}

const tensorsOf = (norm?: Norm): Tensor[] =>
  norm ? [norm.weight_D, ...(norm.bias_D ? [norm.bias_D] : [])] : [];

const biasesOf = ({ biases = [] }: Linear): readonly Tensor[] => biases;

/** Runs work in the memory of a weight. */
function runIn({ parts }: Linear, tensors: readonly Tensor[], work: (place: Place) => Rows): Tensor2D {
  const { pool } = parts[0]!;
  const places = new Map(tensors.map((tensor, i) => [tensor, i]));
  const run = withScratch(pool, (scratch, values) => {
    const read = (tensor: Tensor) => values[places.get(tensor)!]!;
    return [resultOf(scratch, work({ pool, scratch, read }))];
  });
  return runOnTensors(tensors, run)[0]!;
}

export function resultOf(scratch: ScratchParts, rows: Rows): Result {
  return { shape: [rows.count, rows.width], values: scratch.read(rows) };
}

function normRows(
  { pool, scratch, read }: Place,
  x: Rows,
  norm: Norm,
  to = scratch.rows(x.count, x.width),
): Rows {
  const { weight_D, bias_D, epsilon } = norm;
  const weight = scratch.put(read(weight_D), 1);
  const sizes = [x.count, x.width, x.rowBytes, epsilon] as const;
  if (!bias_D) pool.kernels.rmsNorm(x.at, weight.at, to.at, ...sizes);
  else pool.kernels.layerNorm(x.at, weight.at, scratch.put(read(bias_D), 1).at, to.at, ...sizes);
  return to;
}

function addProductTo(place: Place, sum: Rows, x: Rows, linear: Linear, norm?: Norm): void {
  if (norm) {
    const [product] = multiplyAll(place, x, [linear]) as [Rows];
    normRows(place, product, norm, product);
    place.pool.kernels.addTo(sum.at, product.at, sum.rowBytes * sum.count);
  } else {
    multiplyInto(place.pool, x, [{ weight: linear.parts, result: sum, adds: true }]);
    addBiases(place, sum, linear);
  }
}

/** Adds what stands side by side to every row. */
function addBiases({ pool, scratch, read }: Place, rows: Rows, { biases = [] }: Linear): void {
  if (biases.length === 0) return;
  const joined = scratch.rows(1, rows.width);
  let first = 0;
  for (const bias of biases) {
    const values = read(bias);
    pool.heap.floats(joined.at + 4 * first, values.length).set(values);
    first += values.length;
  }
  for (let n = 0; n < rows.count; n++)
    pool.kernels.addTo(rows.at + n * rows.rowBytes, joined.at, rows.rowBytes);
}

/** Results of weights side by side, by one job. */
function multiplyAll(place: Place, x: Rows, linears: readonly Linear[]): Rows[] {
  const results = linears.map(({ parts }) => place.scratch.rows(x.count, outputsOf(parts)));
  multiplyInto(
    place.pool,
    x,
    linears.map(({ parts }, i) => ({ weight: parts, result: results[i]!, adds: false })),
  );
  for (const [i, linear] of linears.entries()) addBiases(place, results[i]!, linear);
  return results;
}

const outputsOf = (parts: WeightParts) => parts.reduce((sum, { outputs }) => sum + outputs, 0);

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
