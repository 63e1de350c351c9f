/**
 * What a model's block does between two reads of its weights, as few operations: each is written as jobs over rows in the
 * kernels' memory, and as a function of tensors. N: rows of activations · D: width.
 */
import type { Tensor, Tensor1D, Tensor2D } from "@tensorflow/tfjs-core";
import type { Pool } from "../pool/pool.js";
import { real } from "../pool/program.js";
import { type HeldBlocks, multiply } from "../weights/product.js";
import { type Place, runIn } from "./place.js";
import type { Rows } from "./scratch-parts.js";

/** A weight, of one part or of several whose outputs stand side by side. */
export type WeightParts = readonly (HeldBlocks & { readonly pool: Pool })[];

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

/** Norm, then a product. */
export function normProduct(x_ND: Tensor2D, norm: Norm, linear: Linear): Tensor2D {
  const given = [x_ND, ...tensorsOf(norm), ...biasesOf(linear)];
  return runIn(poolOf(linear), given, (place) => writeNormProduct(place, place.rowsOf(x_ND), norm, linear));
}

/** The product. */
export function product(x_NI: Tensor2D, parts: WeightParts): Tensor2D {
  return runIn(poolOf({ parts }), [x_NI], (place) => multiplyAll(place, place.rowsOf(x_NI), [{ parts }])[0]!);
}

/** y + x·w, or with a norm y + norm(x·w). */
export function addProduct(x_NE: Tensor2D, linear: Linear, y_ND: Tensor2D, norm?: Norm): Tensor2D {
  const given = [x_NE, y_ND, ...biasesOf(linear), ...tensorsOf(norm)];
  return runIn(poolOf(linear), given, (place) => {
    const sum = copyOf(place, y_ND);
    writeAddProduct(place, sum, place.rowsOf(x_NE), linear, norm);
    return sum;
  });
}

/** x + what a feed-forward makes of x's norm: products side by side, activation and gate, a product, the residual. */
export function addFeedForward(x_ND: Tensor2D, feedForward: FeedForward): Tensor2D {
  return runIn(poolOf(feedForward.up), [x_ND, ...tensorsOfFeedForward(feedForward)], (place) => {
    const sum = copyOf(place, x_ND);
    writeFeedForward(place, sum, feedForward);
    return sum;
  });
}

export function tensorsOf(norm?: Norm): Tensor[] {
  return norm ? [norm.weight_D, ...(norm.bias_D ? [norm.bias_D] : [])] : [];
}

export const biasesOf = ({ biases = [] }: Linear): readonly Tensor[] => biases;

export function tensorsOfFeedForward({ norm, gate, up, down, outNorm }: FeedForward): Tensor[] {
  return [...[norm, outNorm].flatMap(tensorsOf), ...[up, ...(gate ? [gate] : []), down].flatMap(biasesOf)];
}

const poolOf = ({ parts }: Linear): Pool => parts[0]!.pool;

/** Rows of a tensor that are written to. */
export function copyOf({ scratch, read }: Place, x_ND: Tensor2D): Rows {
  return scratch.put(read(x_ND), x_ND.shape[0]);
}

export function writeNormProduct(place: Place, x: Rows, norm: Norm, linear: Linear): Rows {
  return multiplyAll(place, normRows(place, x, norm), [linear])[0]!;
}

/** @param sum what it is added to */
export function writeAddProduct(place: Place, sum: Rows, x: Rows, linear: Linear, norm?: Norm): void {
  if (norm) {
    const [product] = multiplyAll(place, x, [linear]) as [Rows];
    normRows(place, product, norm, product);
    addRows(place, sum, product, product.rowBytes);
  } else {
    multiplyInto(place, x, [{ weight: linear.parts, result: sum, adds: true }]);
    addBiases(place, sum, linear);
  }
}

/** @param sum what it is made of, and what it is added to */
export function writeFeedForward(place: Place, sum: Rows, feedForward: FeedForward): void {
  const { norm, activation, gate, up, down, outNorm } = feedForward;
  const [ups, gates] = multiplyAll(place, normRows(place, sum, norm), gate ? [up, gate] : [up]);
  const active = gates ?? ups!;
  const details = [active.at, active.rowBytes, gates ? ups!.at : 0, Number(activation === "gelu")];
  place.program.addRows("activate", active.count, active.width, details);
  writeAddProduct(place, sum, active, down, outNorm);
}

function normRows(
  { program, scratch, rowsOf }: Place,
  x: Rows,
  { weight_D, bias_D, epsilon }: Norm,
  to = scratch.rows(x.count, x.width),
): Rows {
  const details = [x.at, to.at, x.rowBytes, rowsOf(weight_D).at, x.width, real(epsilon)];
  if (!bias_D) program.addRows("rmsNorm", x.count, x.width, [...details, 1]);
  else program.addRows("layerNorm", x.count, x.width, [...details, rowsOf(bias_D).at]);
  return to;
}

/** @param step bytes from one of the added rows to the next: 0 where one is added to all */
function addRows({ program }: Place, to: Rows, from: Pick<Rows, "at">, step: number): void {
  program.addRows("add", to.count, to.width, [to.at, from.at, to.rowBytes, step]);
}

/** Adds what stands side by side to every row. */
function addBiases(place: Place, rows: Rows, { biases = [] }: Linear): void {
  if (biases.length === 0) return;
  const joined = new Float32Array(rows.width);
  let first = 0;
  for (const values of biases.map(place.read)) {
    joined.set(values, first);
    first += values.length;
  }
  addRows(place, rows, place.scratch.put(joined, 1), 0);
}

/** Results of weights side by side, by one job. */
function multiplyAll(place: Place, x: Rows, linears: readonly Linear[]): Rows[] {
  const results = linears.map(({ parts }) => place.scratch.rows(x.count, outputsOf(parts)));
  multiplyInto(
    place,
    x,
    linears.map(({ parts }, i) => ({ weight: parts, result: results[i]!, adds: false })),
  );
  for (const [i, linear] of linears.entries()) addBiases(place, results[i]!, linear);
  return results;
}

const outputsOf = (parts: WeightParts) => parts.reduce((sum, { outputs }) => sum + outputs, 0);

/** One job for all of them. */
function multiplyInto(
  { program, scratch }: Place,
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
  multiply(program, scratch, x, parts);
}
