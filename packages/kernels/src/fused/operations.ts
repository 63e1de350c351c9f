/**
 * What a model's block does between two reads of its weights, as few operations: each is written as jobs over rows in the
 * kernels' memory; products alone, for heads, are functions of tensors too. N: rows of activations · D: width.
 */
import type { Tensor1D, Tensor2D } from "@tensorflow/tfjs-core";
import type { Rows } from "../memory/scratch-parts.js";
import type { Pool } from "../pool/pool.js";
import { real } from "../pool/program.js";
import { type HeldBlocks, multiply, type ProductPart } from "../weights/product.js";
import { type Place, runIn } from "./place.js";

/** A weight, of one part or of several whose outputs stand side by side. */
export type WeightParts = readonly HeldPart[];

export interface HeldPart extends HeldBlocks {
  readonly pool: Pool;
  /** Where parameters that are used with it lie, side by side: as long as it does. */
  beside(parameters: readonly Tensor1D[]): number;
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

/** Norm, then a product. */
export function normProduct(x_ND: Tensor2D, norm: Norm, linear: Linear): Tensor2D {
  return runIn(poolOf(linear), [x_ND], (place, x) => writeNormProduct(place, x!, norm, linear));
}

/** The product. */
export function product(x_NI: Tensor2D, parts: WeightParts): Tensor2D {
  return runIn(poolOf({ parts }), [x_NI], (place, x) => multiplyAll(place, x!, [{ parts }])[0]!);
}

const poolOf = ({ parts }: Linear): Pool => parts[0]!.pool;

export function writeNormProduct(place: Place, x: Rows, norm: Norm, linear: Linear): Rows {
  return multiplyAll(place, normRows(place, x, norm, linear), [linear])[0]!;
}

/** Adds x·w, or with a norm norm(x·w). @param sum what it is added to */
export function writeAddProduct(place: Place, sum: Rows, x: Rows, linear: Linear, norm?: Norm): void {
  if (norm) {
    const [product] = multiplyAll(place, x, [linear]) as [Rows];
    normRows(place, product, norm, linear, product);
    addRows(place, sum, product.at, product.rowBytes);
  } else {
    multiplyInto(place, x, [{ weight: linear.parts, result: sum, adds: true }]);
    addBiases(place, sum, linear);
  }
}

/**
 * Adds a feed-forward: products side by side of the norm, activation and gate, a product.
 *
 * @param sum what it is made of, and what it is added to
 */
export function writeFeedForward(place: Place, sum: Rows, feedForward: FeedForward): void {
  const { norm, activation, gate, up, down, outNorm } = feedForward;
  const [ups, gates] = multiplyAll(place, normRows(place, sum, norm, up), gate ? [up, gate] : [up]);
  const active = gates ?? ups!;
  const details = [active.at, active.rowBytes, gates ? ups!.at : 0, Number(activation === "gelu")];
  place.program.addRows("activate", active.count, active.width, details);
  writeAddProduct(place, sum, active, down, outNorm);
}

/** @param linear beside whose weights the norm's own lie */
function normRows(
  { program, scratch }: Place,
  x: Rows,
  { weight_D, bias_D, epsilon }: Norm,
  { parts }: Linear,
  to = scratch.rows(x.count, x.width),
): Rows {
  const last = bias_D ? parts[0]!.beside([bias_D]) : 1;
  const details = [x.at, to.at, x.rowBytes, parts[0]!.beside([weight_D]), x.width, real(epsilon), last];
  program.addRows(bias_D ? "layerNorm" : "rmsNorm", x.count, x.width, details);
  return to;
}

/** @param step bytes from one of the added rows to the next: 0 where one is added to all */
function addRows({ program }: Place, to: Rows, from: number, step: number): void {
  program.addRows("add", to.count, to.width, [to.at, from, to.rowBytes, step]);
}

/** Adds what stands side by side to every row. */
function addBiases(place: Place, rows: Rows, { parts, biases = [] }: Linear): void {
  if (biases.length > 0) addRows(place, rows, parts[0]!.beside(biases), 0);
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
  const parts: ProductPart[] = [];
  for (const { weight, result, adds } of products) {
    let resultAt = result.at;
    for (const blocks of weight) {
      parts.push({ blocks, resultAt, resultRowBytes: result.rowBytes, adds });
      resultAt += 4 * blocks.outputs;
    }
  }
  multiply(program, scratch, x, parts);
}
