/** Products with packed weights inside a fused operation. N: rows · I: inputs · O: outputs of all weights side by side. */
import type { Tensor1D, TensorInfo } from "@tensorflow/tfjs-core";
import type { Program } from "./backend.js";
import { type Card, real, whole } from "./card.js";
import { type FewRows, fewRowsProgram } from "./programs/few-rows.js";
import { halfRowsProgram } from "./programs/half-rows.js";
import { padProgram } from "./programs/pad.js";
import { tiledProgram } from "./programs/tiled.js";
import type { Activation } from "./wgsl/activations.js";
import { chunkSize } from "./wgsl/decoders.js";
import type { Finish } from "./wgsl/finish.js";
import type { Precision } from "./wgsl/precision.js";

/** Rows `[first, first + blocks' rows)` of a weight, in a buffer. */
export interface Slice {
  readonly first: number;
  readonly blocks_OW: TensorInfo;
}

/** A weight, of one part or of several whose outputs stand side by side; all of one precision. */
export type PackedParts = readonly {
  readonly storedType: string;
  readonly precision: Precision;
  readonly outputs: number;
  readonly slices: readonly Slice[];
}[];

export interface ProductOptions {
  /** Side by side, as many numbers as outputs; two at most. */
  readonly biases?: readonly TensorInfo[];
  /** `[N, O]`, which the product is added to. */
  readonly y?: TensorInfo;
  readonly activation?: Activation | undefined;
  /** The root mean square's norm of x. */
  readonly norm?: RowNorm | undefined;
  /** So many rows on it is done in tiles. */
  readonly tiledFrom?: number | undefined;
}

/** Its weights `[I]`. */
export interface RowNorm {
  readonly weight: Tensor1D;
  readonly epsilon: number;
}

/** Rows of a prompt, from so many on; those of a decoding step, also of several answers side by side, are fewer. */
export const manyRows = 17;

/** Whether a product takes x's norm by itself. */
export const takesNorm = ([N, I]: readonly number[]): boolean => N! < manyRows && I! % chunkSize === 0;

/** Buffers of one type whose outputs are neighbours: those that one program multiplies with. */
interface Run {
  readonly storedType: string;
  readonly precision: Precision;
  readonly first: number;
  readonly blocks: readonly TensorInfo[];
}

/** @param x `[N, I]` @returns `[N, O]` */
export function multiplyParts(
  card: Card,
  x: TensorInfo,
  parts: PackedParts,
  options: ProductOptions = {},
): TensorInfo {
  const { states, ...taken } = prepareRows(card, x, parts[0]!.precision, options);
  const shape: Shape = [x.shape[0]!, parts.reduce((sum, { outputs }) => sum + outputs, 0)];
  const output = card.make(shape);
  const isTiled = shape[0] >= (options.tiledFrom ?? manyRows);
  for (const run of runsOf(parts, isTiled ? 1 : 3)) {
    const finish = finishOf(options);
    const program = isTiled
      ? tiledProgram(run, finish, shape, run.blocks[0]!.shape[0]!)
      : fewRows(card, run, shape, { ...finish, isGated: false, isNormed: taken.norm !== undefined });
    multiplyRun(card, program, states, run, { ...options, ...taken }, output);
  }
  return output;
}

/** The activation of x·gate, times x·up: one program, where {@link gatesAtOnce} says so. */
export function multiplyGated(
  card: Card,
  x: TensorInfo,
  [gate, up]: readonly [PackedParts, PackedParts],
  options: ProductOptions & { readonly activation: Activation },
): TensorInfo {
  const [of, other] = [gate[0]!, up[0]!];
  const run: Run = {
    storedType: of.storedType,
    precision: of.precision,
    first: 0,
    blocks: [of.slices[0]!.blocks_OW, other.slices[0]!.blocks_OW],
  };
  const shape: Shape = [x.shape[0]!, of.outputs];
  const output = card.make(shape);
  const { states, ...taken } = prepareRows(card, x, of.precision, options);
  const kind = { ...finishOf(options), isGated: true, isNormed: taken.norm !== undefined };
  multiplyRun(card, fewRows(card, run, shape, kind), states, run, { ...options, ...taken }, output);
  return output;
}

export function gatesAtOnce([N]: readonly number[], gate: PackedParts, up: PackedParts): boolean {
  const isOneBuffer = (parts: PackedParts) => parts.length === 1 && parts[0]!.slices.length === 1;
  return N! < manyRows && [gate, up].every(isOneBuffer) && gate[0]!.storedType === up[0]!.storedType;
}

type Shape = [N: number, O: number];

function fewRows(
  { backend }: Card,
  { storedType, precision, blocks }: Run,
  shape: Shape,
  kind: Pick<FewRows, "isGated" | "isNormed" | keyof Finish>,
): Program {
  const outputs = blocks.map((one) => one.shape[0]!);
  return fewRowsProgram(
    backend,
    { ...kind, storedType, precision, outputs, rows: shape[0] <= 2 ? 2 : 8 },
    shape,
  );
}

function multiplyRun(
  card: Card,
  program: Program,
  x: TensorInfo,
  { first, blocks }: Run,
  { norm, biases = [], y }: ProductOptions,
  output: TensorInfo,
): void {
  const inputs = [x, ...blocks, ...(norm ? [norm.weight] : []), ...biases, ...(y ? [y] : [])];
  card.run(program, inputs, [whole(first), real(norm?.epsilon ?? 0)], output);
}

const finishOf = ({ biases = [], y, activation }: ProductOptions): Finish => ({
  biases: biases.length as Finish["biases"],
  adds: y !== undefined,
  activation,
});

/** Rows as products of that precision read them, and the norm where it is still to be taken. */
function prepareRows(
  card: Card,
  x: TensorInfo,
  precision: Precision,
  { norm }: ProductOptions,
): { readonly states: TensorInfo; readonly norm: RowNorm | undefined } {
  if (precision === "f32") return { states: padRows(card, x), norm };
  const program = halfRowsProgram(card.backend, x.shape as Shape, norm !== undefined);
  const output = card.make(program.outputShape, "int32");
  const states = card.run(program, norm ? [x, norm.weight] : [x], [real(norm?.epsilon ?? 0)], output);
  return { states, norm: undefined };
}

/** Rows of whole chunks: these, or a copy with zeros behind them. */
function padRows(card: Card, x: TensorInfo): TensorInfo {
  const [N, I] = x.shape as Shape;
  const padded = chunkSize * Math.ceil(I / chunkSize);
  return padded === I ? x : card.run(padProgram([N, padded]), [x]);
}

function runsOf(parts: PackedParts, most: number): Run[] {
  const runs: (Omit<Run, "blocks"> & { readonly blocks: TensorInfo[] })[] = [];
  let outputs = 0;
  for (const { storedType, precision, slices, outputs: own } of parts) {
    for (const { first, blocks_OW } of slices) {
      const last = runs.at(-1);
      if (last && last.storedType === storedType && last.blocks.length < most) last.blocks.push(blocks_OW);
      else runs.push({ storedType, precision, first: outputs + first, blocks: [blocks_OW] });
    }
    outputs += own;
  }
  return runs;
}
