/**
 * Norms, products, biases and activations in one operation against float64, which carries a bound on what float32 may do to
 * every number: for kernels of any backend.
 */
import { arithmeticOf } from "@amulet-ts/testing/backends/tolerance";
import * as tf from "@tensorflow/tfjs-core";
import fc from "fast-check";
import { expect } from "vitest";
import type { Norm, FeedForward as OfParts } from "../src/fused/operations.js";
import { halfError } from "./drawn-weight.js";

/** A weight that kernels hold. */
export interface Part {
  dispose(): void;
}

interface Linear {
  readonly parts: readonly Part[];
  readonly biases?: readonly tf.Tensor1D[];
}

interface FeedForward extends Pick<OfParts, "norm" | "activation" | "outNorm"> {
  readonly gate?: Linear;
  readonly up: Linear;
  readonly down: Linear;
}

/** What is held to the laws. */
export interface Operations {
  readonly backend: string;
  /** Whether products are in f16. */
  readonly inHalves?: boolean;
  hold(rows: readonly Row[]): Part;
  normProduct(x_ND: tf.Tensor2D, norm: Norm, linear: Linear): tf.Tensor2D;
  addProduct(x_NE: tf.Tensor2D, linear: Linear, y_ND: tf.Tensor2D, norm?: Norm): tf.Tensor2D;
  addFeedForward(x_ND: tf.Tensor2D, feedForward: FeedForward): tf.Tensor2D;
}

export type Row = readonly number[];

interface DrawnNorm {
  readonly weight: Row;
  readonly bias?: Row | undefined;
}

/** A weight in two parts, where it has more than one output and is not whole, and its biases, in as many. */
interface DrawnLinear {
  readonly isWhole: boolean;
  readonly rows: readonly Row[];
  readonly bias?: Row | undefined;
}

export interface DrawnFeedForward {
  readonly norm: DrawnNorm;
  readonly activation: FeedForward["activation"];
  readonly gate?: DrawnLinear | undefined;
  readonly up: DrawnLinear;
  readonly down: DrawnLinear;
  readonly outNorm?: DrawnNorm | undefined;
}

const u = 2 ** -24;
const epsilon = 1e-5;
/** No wider than what float32's smallest numbers lose. */
const tiny = 2 ** -120;

/** A number, and how far float32 may be from it. */
interface Bounded {
  readonly value: number;
  readonly error: number;
}

const exactly = (values: Row): Bounded[] => values.map((value) => ({ value, error: 0 }));
const sumOf = (values: Row) => values.reduce((sum, value) => sum + value, 0);

function add(a: Bounded, b: Bounded): Bounded {
  const value = a.value + b.value;
  return { value, error: a.error + b.error + u * Math.abs(value) };
}

type Arithmetic = ReturnType<typeof arithmeticOf> & Pick<Operations, "inHalves">;

const arithmeticIn = ({ backend, inHalves }: Operations): Arithmetic => ({
  ...arithmeticOf(backend),
  inHalves: inHalves ?? false,
});

/** A sum of n squares, and its quotient, are off by n + 1 units and the quotient's, its root by half of that; root and products follow. */
function divideByRms(
  x: readonly Bounded[],
  weight: Row,
  { division, inverseSquareRoot }: Arithmetic,
): Bounded[] {
  const meanSquare = sumOf(x.map(({ value }) => value * value)) / x.length + epsilon;
  const handedOn = sumOf(x.map(({ value, error }) => Math.abs(value) * error + error * error)) / x.length;
  const relative = handedOn / meanSquare + ((x.length + division) / 2 + inverseSquareRoot + 4) * u;
  return x.map(({ value, error }, i) => {
    const factor = Math.abs(weight[i]!) / Math.sqrt(meanSquare);
    const normed = (value * weight[i]!) / Math.sqrt(meanSquare);
    return { value: normed, error: factor * error * (1 + relative) + Math.abs(normed) * relative };
  });
}

function norm(x: readonly Bounded[], { weight, bias }: DrawnNorm, arithmetic: Arithmetic): Bounded[] {
  if (!bias) return divideByRms(x, weight, arithmetic);
  const mean = sumOf(x.map(({ value }) => value)) / x.length;
  const meanError =
    sumOf(x.map(({ value, error }) => error + (x.length + arithmetic.division) * u * Math.abs(value))) /
    x.length;
  const centred = x.map(({ value, error }) => ({
    value: value - mean,
    error: error + meanError + u * Math.abs(value - mean),
  }));
  return divideByRms(centred, weight, arithmetic).map((y, i) => add(y, { value: bias[i]!, error: 0 }));
}

function multiply(x: readonly Bounded[], { rows, bias }: DrawnLinear, { inHalves }: Arithmetic): Bounded[] {
  return rows.map((row, o) => {
    const terms = row.map((weight, i) => weight * x[i]!.value);
    const handedOn = sumOf(row.map((weight, i) => Math.abs(weight) * x[i]!.error));
    const magnitude = sumOf(terms.map(Math.abs));
    const largest = Math.max(...row.map(Math.abs)) * Math.max(...x.map(({ value }) => Math.abs(value)));
    const rounded = inHalves ? halfError(row.length, magnitude, largest) : 0;
    const error = handedOn + (row.length + 2) * u * magnitude + rounded;
    const product = { value: sumOf(terms), error };
    return bias ? add(product, { value: bias[o]!, error: 0 }) : product;
  });
}

/** Both slopes are below 1.13; the exponent is off by four roundings of it, then come e^x, sum and quotient. */
function activate(
  { value: x, error }: Bounded,
  activation: FeedForward["activation"],
  { exponential, perUnit, division }: Arithmetic,
): Bounded {
  const inner = activation === "silu" ? x : 2 * Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3);
  const value = x / (1 + Math.exp(-inner));
  return {
    value,
    error:
      1.13 * error + Math.abs(value) * (exponential + division + 3 + (4 + perUnit) * Math.abs(inner)) * u,
  };
}

function times(a: Bounded, b: Bounded): Bounded {
  const value = a.value * b.value;
  const error = Math.abs(a.value) * b.error + Math.abs(b.value) * a.error + a.error * b.error;
  return { value, error: error + u * Math.abs(value) };
}

function feedForward(x: readonly Bounded[], drawn: DrawnFeedForward, arithmetic: Arithmetic): Bounded[] {
  const normed = norm(x, drawn.norm, arithmetic);
  const ups = multiply(normed, drawn.up, arithmetic);
  const active = (drawn.gate ? multiply(normed, drawn.gate, arithmetic) : ups).map((y) =>
    activate(y, drawn.activation, arithmetic),
  );
  const gated = drawn.gate ? active.map((y, i) => times(y, ups[i]!)) : active;
  const down = multiply(gated, drawn.down, arithmetic);
  const normedDown = drawn.outNorm ? norm(down, drawn.outNorm, arithmetic) : down;
  return normedDown.map((y, i) => add(y, x[i]!));
}

/** What was drawn, as the kernels get it; `free` gives the weights back. */
function place(operations: Operations) {
  const held: Part[] = [];
  const hold = (rows: readonly Row[]) => {
    const weight = operations.hold(rows);
    held.push(weight);
    return weight;
  };
  const halves = <T>(list: readonly T[], isWhole: boolean) =>
    list.length > 1 && !isWhole ? [list.slice(0, 1), list.slice(1)] : [list.slice()];
  const toNorm = ({ weight, bias }: DrawnNorm): Norm => ({
    weight_D: tf.tensor1d([...weight]),
    ...(bias && { bias_D: tf.tensor1d([...bias]) }),
    epsilon,
  });
  const toLinear = ({ rows, bias, isWhole }: DrawnLinear): Linear => ({
    parts: halves(rows, isWhole).map(hold),
    ...(bias && { biases: halves(bias, isWhole).map((part) => tf.tensor1d(part)) }),
  });
  const toFeedForward = (drawn: DrawnFeedForward): FeedForward => ({
    norm: toNorm(drawn.norm),
    activation: drawn.activation,
    ...(drawn.gate && { gate: toLinear(drawn.gate) }),
    up: toLinear(drawn.up),
    down: toLinear(drawn.down),
    ...(drawn.outNorm && { outNorm: toNorm(drawn.outNorm) }),
  });
  const free = () => {
    for (const weight of held) weight.dispose();
  };
  return { toNorm, toLinear, toFeedForward, free };
}

/** The largest error, in units of what float32 may do. */
async function worstOf(
  operations: Operations,
  run: (placed: ReturnType<typeof place>) => tf.Tensor2D,
  expected: readonly (readonly Bounded[])[],
): Promise<number> {
  const placed = place(operations);
  const result = tf.tidy(() => run(placed));
  const came = await result.data();
  result.dispose();
  placed.free();
  const bounded = expected.flat();
  expect(came.length).toBe(bounded.length);
  const errors = bounded.map(({ value, error }, i) => Math.abs(came[i]! - value) / (error + tiny));
  return errors.some(Number.isNaN) ? Number.POSITIVE_INFINITY : Math.max(...errors);
}

const matrix = (rows: readonly Row[]) => tf.tensor2d(rows.map((row) => [...row]));

const draw = (seed: number) => {
  let state = seed;
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.fround(state / 2 ** 31 - 1);
  };
  const row = (width: number, size = 1): Row =>
    Array.from({ length: width }, () => Math.fround(size * next()));
  const rows = (count: number, width: number, size = 1) =>
    Array.from({ length: count }, () => row(width, size));
  const norm = (width: number, isLayer: boolean): DrawnNorm => ({
    weight: row(width).map((weight) => Math.fround(1 + weight / 2)),
    bias: isLayer ? row(width) : undefined,
  });
  const linear = (outputs: number, inputs: number, isBiased: boolean, isWhole: boolean): DrawnLinear => ({
    isWhole,
    rows: rows(outputs, inputs, 2.5 / Math.sqrt(inputs)),
    bias: isBiased ? row(outputs) : undefined,
  });
  return { rows, norm, linear };
};

const anyCase = {
  rows: fc.integer({ min: 1, max: 9 }),
  width: fc.integer({ min: 1, max: 37 }),
  outputs: fc.integer({ min: 1, max: 29 }),
  isLayer: fc.boolean(),
  isBiased: fc.boolean(),
  hasGate: fc.boolean(),
  hasOutNorm: fc.boolean(),
  activation: fc.constantFrom("silu" as const, "gelu" as const),
  isWhole: fc.boolean(),
  seed: fc.integer({ min: 1, max: 2 ** 31 }),
};

/** @param sizes in the place of 1 to 9 rows of 1 to 37 numbers */
export const casesOf = (sizes: Partial<Pick<typeof anyCase, "rows" | "width">> = {}) =>
  fc.record({ ...anyCase, ...sizes });
const cases = casesOf();
export type Case = typeof cases extends fc.Arbitrary<infer T> ? T : never;

export function drawFeedForward({ width: D, outputs: F, ...given }: Case) {
  const { rows, norm, linear } = draw(given.seed);
  const drawn: DrawnFeedForward = {
    norm: norm(D, given.isLayer),
    activation: given.activation,
    gate: given.hasGate ? linear(F, D, given.isBiased, given.isWhole) : undefined,
    up: linear(F, D, given.isBiased, given.isWhole),
    down: linear(D, F, given.isBiased, given.isWhole),
    outNorm: given.hasOutNorm ? norm(D, given.isLayer) : undefined,
  };
  return { x: rows(given.rows, D, 3), drawn };
}

export const worstFeedForward = (
  operations: Operations,
  x: readonly Row[],
  drawn: DrawnFeedForward,
  told = drawn,
): Promise<number> =>
  worstOf(
    operations,
    ({ toFeedForward }) => operations.addFeedForward(matrix(x), toFeedForward(told)),
    x.map((row) => feedForward(exactly(row), drawn, arithmeticIn(operations))),
  );

export function worstNormProduct(operations: Operations, given: Case): Promise<number> {
  const { rows: count, width, outputs, isLayer, isBiased, isWhole, seed } = given;
  const { rows, norm: drawNorm, linear: drawLinear } = draw(seed);
  const x = rows(count, width, 3);
  const drawn = drawNorm(width, isLayer);
  const linear = drawLinear(outputs, width, isBiased, isWhole);
  const arithmetic = arithmeticIn(operations);
  return worstOf(
    operations,
    ({ toNorm, toLinear }) => operations.normProduct(matrix(x), toNorm(drawn), toLinear(linear)),
    x.map((row) => multiply(norm(exactly(row), drawn, arithmetic), linear, arithmetic)),
  );
}

export function worstAddProduct(operations: Operations, given: Case): Promise<number> {
  const { rows: count, width, outputs, isLayer, isBiased, hasOutNorm, isWhole, seed } = given;
  const { rows, norm: drawNorm, linear: drawLinear } = draw(seed);
  const [x, y] = [rows(count, width), rows(count, outputs)];
  const linear = drawLinear(outputs, width, isBiased, isWhole);
  const drawn = hasOutNorm ? drawNorm(outputs, isLayer) : undefined;
  const arithmetic = arithmeticIn(operations);
  return worstOf(
    operations,
    ({ toNorm, toLinear }) =>
      operations.addProduct(matrix(x), toLinear(linear), matrix(y), drawn && toNorm(drawn)),
    x.map((row, n) => {
      const addTo = (sums: readonly Bounded[], more: Row = []) =>
        sums.map((sum, o) => add(sum, { value: more[o] ?? 0, error: 0 }));
      if (drawn) return addTo(norm(multiply(exactly(row), linear, arithmetic), drawn, arithmetic), y[n]);
      // Where there is no norm the bias comes last.
      return addTo(
        addTo(multiply(exactly(row), { ...linear, bias: undefined }, arithmetic), y[n]),
        linear.bias,
      );
    }),
  );
}

const gpt2 = {
  isLayer: true,
  isBiased: true,
  hasGate: false,
  hasOutNorm: false,
  activation: "gelu" as const,
};
const gemma = {
  isLayer: false,
  isBiased: false,
  hasGate: true,
  hasOutNorm: true,
  activation: "gelu" as const,
};
const shape = { rows: 3, width: 13, outputs: 9, isWhole: false, seed: 7 };
/** What is put into a feed-forward, and must be seen. */
export const faults: readonly (readonly [string, Case, (drawn: DrawnFeedForward) => DrawnFeedForward])[] = [
  ["a bias forgotten", { ...shape, ...gpt2 }, (f) => ({ ...f, down: { ...f.down, bias: undefined } })],
  [
    "biases of the neighbouring outputs",
    { ...shape, ...gpt2 },
    (f) => ({ ...f, up: { ...f.up, bias: [...f.up.bias!.slice(1), f.up.bias![0]!] } }),
  ],
  ["no mean taken off", { ...shape, ...gpt2 }, (f) => ({ ...f, norm: { weight: f.norm.weight } })],
  ["another activation", { ...shape, ...gemma }, (f) => ({ ...f, activation: "silu" })],
  [
    "gate and what it is multiplied with exchanged",
    { ...shape, ...gemma },
    (f) => ({ ...f, gate: f.up, up: f.gate! }),
  ],
  ["a norm behind the product forgotten", { ...shape, ...gemma }, (f) => ({ ...f, outNorm: undefined })],
];
