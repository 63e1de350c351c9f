/** Attention over pages against float64 over plain lists, for rows that grow, are forked and rewound: for kernels of any backend. */
import { arithmeticOf } from "@amulet-ts/testing/backends/tolerance";
import * as tf from "@tensorflow/tfjs-core";
import fc from "fast-check";
import type { AttentionShape, BlockPlace, StepPlan } from "../src/fused/attend.js";
import { type CachePage, type CacheShape, growPages, type PageStore } from "../src/fused/pages.js";

/** What is held to the laws. */
export interface Attention<Store extends PageStore = PageStore> {
  readonly backend: string;
  store(shape: CacheShape): Store;
  attend(
    store: Store,
    shape: AttentionShape,
    plan: StepPlan,
    where: BlockPlace,
    qkv_NQ: tf.Tensor2D,
  ): tf.Tensor2D;
}

export interface Shape {
  readonly groups: number;
  readonly shared: number;
  readonly headWidth: number;
  readonly window: number;
  /** Whether heads have a norm. */
  readonly normed: boolean;
}

/** A row as the kernels have it, and its keys and values as lists. */
interface Row {
  readonly pages: readonly CachePage[];
  readonly keys: readonly Float64Array[];
  readonly values: readonly Float64Array[];
}

/** What happens to the rows before they get their next tokens, and how many each gets. */
export interface Step {
  readonly select: readonly number[];
  readonly keep: readonly number[];
  readonly tokens: readonly number[];
}

const blockCount = 2;
let state = 1;
export const noise = () => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return state / 2 ** 31 - 1;
};

function turn(head: Float64Array, position: number): Float64Array {
  const half = head.length / 2;
  return head.map((value, i) => {
    const angle = position / 10 ** ((i % half) / half);
    const other = i < half ? -head[i + half]! : head[i - half]!;
    return value * Math.cos(angle) + other * Math.sin(angle);
  });
}

const epsilon = 1e-6;

function normHead(head: Float64Array, weights: ArrayLike<number>): Float64Array {
  const meanSquare = head.reduce((sum, value) => sum + value * value, 0) / head.length;
  return head.map((value, i) => (value / Math.sqrt(meanSquare + epsilon)) * weights[i]!);
}

/** One query of one head over a row's lists. */
function mixed(query: Float64Array, row: Row, seen: number, group: number, { headWidth, window }: Shape) {
  const first = Math.max(0, seen - window);
  const own = (x: Float64Array) => x.subarray(group * headWidth, (group + 1) * headWidth);
  const scores = row.keys.slice(first, seen).map((key) => {
    const dot = own(key).reduce((sum, value, i) => sum + value * query[i]!, 0);
    return dot / Math.sqrt(headWidth);
  });
  const most = Math.max(...scores);
  const weights = scores.map((score) => Math.exp(score - most));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return Float64Array.from({ length: headWidth }, (_, i) =>
    weights.reduce((sum, weight, t) => sum + (weight / total) * own(row.values[first + t]!)[i]!, 0),
  );
}

/** Runs steps; the largest difference between kernels and lists. */
export async function worstDifference<Store extends PageStore>(
  { store: storeFor, attend }: Attention<Store>,
  shape: Shape,
  steps: readonly Step[],
): Promise<number> {
  const { groups, shared, headWidth, window, normed } = shape;
  const [heads, tokenWidth] = [groups * shared, groups * headWidth];
  const weights = Float32Array.from({ length: (heads + groups) * headWidth }, noise);
  const sizes = { blockCount, tokenWidth, heads, groups, headWidth, scale: headWidth ** -0.5 };
  const store = storeFor(sizes);
  let rows: Row[] = [{ pages: [], keys: [], values: [] }];
  const everMade = new Set<CachePage>();
  let worst = 0;
  for (const { select, keep, tokens } of steps) {
    rows = select.map((row) => rows[row % rows.length]!);
    rows = rows.map((row, b) => cut(row, Math.min(row.keys.length, keep[b % keep.length]!)));
    const lengths = rows.map((_, b) => tokens[b % tokens.length]!);
    const grown = rows.map(({ pages, keys }, b) => growPages(store, pages, keys.length, lengths[b]!));
    for (const page of grown.flat()) everMade.add(page);
    const positions = rows.flatMap(({ keys }, b) =>
      Array.from({ length: lengths[b]! }, (_, t) => keys.length + t),
    );
    const draw = (width: number) => Float32Array.from({ length: positions.length * width }, noise);
    const [ofQkv, valuesFrom] = [heads * headWidth + 2 * tokenWidth, heads * headWidth + tokenWidth];
    const qkv = draw(ofQkv);
    const half = headWidth / 2;
    const angle = (i: number) => positions[Math.floor(i / half)]! / 10 ** ((i % half) / half);
    const plan = {
      rows: rows.map(({ keys }, b) => ({ pages: grown[b]!, length: keys.length })),
      lengths,
      cos: Float32Array.from({ length: positions.length * half }, (_, i) => Math.cos(angle(i))),
      sin: Float32Array.from({ length: positions.length * half }, (_, i) => Math.sin(angle(i))),
    };
    const result = tf.tidy(() =>
      attend(
        store,
        sizes,
        plan,
        { block: 1, window, headNorm: normed ? { weight_X: tf.tensor1d(weights), epsilon } : undefined },
        tf.tensor2d(qkv, [positions.length, ofQkv]),
      ),
    );
    const came = await result.data();
    result.dispose();
    const heading = (n: number, head: number) => {
      const first = n * ofQkv + head * headWidth;
      const own = Float64Array.from(qkv.subarray(first, first + headWidth));
      return turn(normed ? normHead(own, weights.subarray(head * headWidth)) : own, positions[n]!);
    };
    let n = 0;
    rows = rows.map((row, b) => {
      const [keys, values] = [[...row.keys], [...row.values]];
      for (let t = 0; t < lengths[b]!; t++, n++) {
        keys.push(
          Float64Array.from(Array.from({ length: groups }, (_, g) => [...heading(n, heads + g)]).flat()),
        );
        values.push(Float64Array.from(qkv.subarray(n * ofQkv + valuesFrom, (n + 1) * ofQkv)));
        const next = { pages: grown[b]!, keys, values };
        for (let head = 0; head < heads; head++) {
          const expected = mixed(heading(n, head), next, keys.length, Math.floor(head / shared), shape);
          for (const [i, value] of expected.entries())
            worst = Math.max(worst, Math.abs(came[(n * heads + head) * headWidth + i]! - value));
        }
      }
      return { pages: grown[b]!, keys, values };
    });
  }
  for (const page of everMade) page.dispose();
  return worst;
}

const cut = ({ pages, keys, values }: Row, length: number): Row => ({
  pages,
  keys: keys.slice(0, length),
  values: values.slice(0, length),
});

/**
 * Scores below 4·K in size, off by √K·u of that, make weights off by as much; an exponential is off by so many u, more where a
 * score is far below the largest, ln 100 on average, the quotient by some, sums of at most 100 terms √100·u, the turns 3u. Values
 * are below 1. Norms leave scores below √K, and put both of their heads off by √K/2 + 2 units and those of the root.
 */
export function tolerance({ backend }: Pick<Attention, "backend">, { headWidth: K, normed }: Shape): number {
  const { exponential, perUnit, division, inverseSquareRoot } = arithmeticOf(backend);
  const softmax = exponential + perUnit * Math.log(100) + division;
  const norms = normed ? Math.sqrt(K) * (Math.sqrt(K) + 4 + 2 * inverseSquareRoot) : 0;
  return 2 * 2 ** -24 * (Math.sqrt(K) * 4 * K ** 0.5 + softmax + 10 + 3 + norms);
}

export const shapes = fc.record({
  groups: fc.integer({ min: 1, max: 3 }),
  shared: fc.integer({ min: 1, max: 5 }),
  headWidth: fc.constantFrom(4, 12, 16, 20, 64),
  window: fc.constantFrom(3, 33, Number.POSITIVE_INFINITY),
  normed: fc.boolean(),
});
export const steps = fc.array(
  fc.record({
    select: fc.array(fc.nat(3), { minLength: 1, maxLength: 3 }),
    keep: fc.array(fc.constantFrom(0, 1, 31, 32, 33, 1000), { minLength: 1, maxLength: 3 }),
    tokens: fc.array(fc.constantFrom(1, 2, 5, 31, 32, 33), { minLength: 1, maxLength: 3 }),
  }),
  { minLength: 1, maxLength: 4 },
);

/** One row's tokens, so many in each call: the mixtures of all of them. */
export async function attendInCalls<Store extends PageStore>(
  { store: storeFor, attend }: Attention<Store>,
  shape: Shape,
  qkv: Float32Array,
  calls: readonly number[],
): Promise<number[]> {
  const { groups, shared, headWidth, window } = shape;
  const tokenWidth = groups * headWidth;
  const sizes = {
    blockCount,
    tokenWidth,
    heads: groups * shared,
    groups,
    headWidth,
    scale: headWidth ** -0.5,
  };
  const [ofQkv, half] = [(groups * shared + 2 * groups) * headWidth, headWidth / 2];
  const store = storeFor(sizes);
  const everMade = new Set<CachePage>();
  const mixtures: number[] = [];
  let pages: CachePage[] = [];
  let length = 0;
  for (const count of calls) {
    pages = growPages(store, pages, length, count);
    for (const page of pages) everMade.add(page);
    const turns = new Float32Array(count * half).fill(1);
    const plan = { rows: [{ pages, length }], lengths: [count], cos: turns, sin: turns };
    const own = tf.tensor2d(qkv.subarray(length * ofQkv, (length + count) * ofQkv), [count, ofQkv]);
    const result = tf.tidy(() => attend(store, sizes, plan, { block: 1, window }, own));
    mixtures.push(...(await result.data()));
    tf.dispose([own, result]);
    length += count;
  }
  for (const page of everMade) page.dispose();
  return mixtures;
}

export const forked: Shape = {
  groups: 1,
  shared: 2,
  headWidth: 16,
  window: Number.POSITIVE_INFINITY,
  normed: false,
};

/** A row, and its fork, which both write to the same page. */
export const fork: Step[] = [
  { select: [0], keep: [0], tokens: [5] },
  { select: [0, 0], keep: [1000], tokens: [1] },
  { select: [0, 1], keep: [1000], tokens: [2] },
];
