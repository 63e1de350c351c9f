/** Attention over pages against float64 over plain lists, for rows that grow, are forked and rewound. */
import { withoutLeaks } from "@amulet-ts/testing/backends/no-leaks";
import * as tf from "@tensorflow/tfjs-core";
import fc from "fast-check";
import { afterAll, describe, expect, test, vi } from "vitest";
import { attend, cutIntoUnits } from "../src/fused/attend.js";
import { CachePage, growPages } from "../src/fused/pages.js";
import { Pool } from "../src/pool/pool.js";

withoutLeaks("wasm");

const pool = new Pool(3);
/** Holds the pool open between cases. */
const anchor = pool.heap.allocate(1);
afterAll(() => pool.release(anchor));

interface Shape {
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
interface Step {
  readonly select: readonly number[];
  readonly keep: readonly number[];
  readonly tokens: readonly number[];
}

const blockCount = 2;
let state = 1;
const noise = () => {
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
async function worstDifference(shape: Shape, steps: readonly Step[]): Promise<number> {
  const { groups, shared, headWidth, window, normed } = shape;
  const [heads, tokenWidth] = [groups * shared, groups * headWidth];
  const weights = Float32Array.from({ length: (heads + groups) * headWidth }, noise);
  const sizes = { blockCount, tokenWidth, heads, groups, headWidth, scale: headWidth ** -0.5 };
  let rows: Row[] = [{ pages: [], keys: [], values: [] }];
  const everMade = new Set<CachePage>();
  let worst = 0;
  for (const { select, keep, tokens } of steps) {
    rows = select.map((row) => rows[row % rows.length]!);
    rows = rows.map((row, b) => cut(row, Math.min(row.keys.length, keep[b % keep.length]!)));
    const lengths = rows.map((_, b) => tokens[b % tokens.length]!);
    const grown = rows.map(({ pages, keys }, b) => growPages(pool, sizes, pages, keys.length, lengths[b]!));
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
        pool,
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
 * Scores below 4·K in size, off by √K·u of that, make weights off by as much; exponentials add 4u, sums of at most 100
 * terms √100·u, the turns 3u. Values are below 1. Norms leave scores below √K, and put both of their heads off by √K/2 + 4 units.
 */
const tolerance = ({ headWidth: K, normed }: Shape) =>
  2 *
  2 ** -24 *
  (Math.sqrt(K) * 4 * K ** 0.5 + 4 + 10 + 3 + (normed ? Math.sqrt(K) * (Math.sqrt(K) + 8) : 0));

const shapes = fc.record({
  groups: fc.integer({ min: 1, max: 3 }),
  shared: fc.integer({ min: 1, max: 5 }),
  headWidth: fc.constantFrom(4, 12, 16, 20, 64),
  window: fc.constantFrom(3, 33, Number.POSITIVE_INFINITY),
  normed: fc.boolean(),
});
const steps = fc.array(
  fc.record({
    select: fc.array(fc.nat(3), { minLength: 1, maxLength: 3 }),
    keep: fc.array(fc.constantFrom(0, 1, 31, 32, 33, 1000), { minLength: 1, maxLength: 3 }),
    tokens: fc.array(fc.constantFrom(1, 2, 5, 31, 32, 33), { minLength: 1, maxLength: 3 }),
  }),
  { minLength: 1, maxLength: 4 },
);

/** One row's tokens, so many in each call: the mixtures of all of them. */
async function attendInCalls(shape: Shape, qkv: Float32Array, calls: readonly number[]) {
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
  const everMade = new Set<CachePage>();
  const mixtures: number[] = [];
  let pages: CachePage[] = [];
  let length = 0;
  for (const count of calls) {
    pages = growPages(pool, sizes, pages, length, count);
    for (const page of pages) everMade.add(page);
    const turns = new Float32Array(count * half).fill(1);
    const plan = { rows: [{ pages, length }], lengths: [count], cos: turns, sin: turns };
    const own = tf.tensor2d(qkv.subarray(length * ofQkv, (length + count) * ofQkv), [count, ofQkv]);
    const result = attend(pool, sizes, plan, { block: 1, window }, own);
    mixtures.push(...(await result.data()));
    tf.dispose([own, result]);
    length += count;
  }
  for (const page of everMade) page.dispose();
  return mixtures;
}

describe("rotation, append and attention", () => {
  test("are the same for a token alone and among others, bit for bit", async () => {
    const counts = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(shapes, counts, async (drawn, calls) => {
        const shape = { ...drawn, normed: false };
        const total = calls.reduce((sum, count) => sum + count, 0);
        const width = (shape.shared + 2) * shape.groups * shape.headWidth;
        const qkv = Float32Array.from({ length: total * width }, noise);
        const alone = await attendInCalls(shape, qkv, new Array<number>(total).fill(1));
        expect(await attendInCalls(shape, qkv, calls)).toEqual(alone);
      }),
      { numRuns: 30 },
    );
  });

  test("are float64's over rows that grow, part and go back", async () => {
    await fc.assert(
      fc.asyncProperty(shapes, steps, async (shape, actions) => {
        expect(await worstDifference(shape, actions)).toBeLessThan(tolerance(shape));
      }),
      { numRuns: 60 },
    );
  });

  test("have every token and key/value head in one unit, and as many of them for each thread as for others", () => {
    const [counts, few] = [fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 8 })];
    fc.assert(
      fc.property(counts, few, few, (count, groups, threads) => {
        const units = cutIntoUnits(count, groups, threads);
        const found = units.flatMap(([first, end, group]) =>
          Array.from({ length: end - first }, (_, t) => (first + t) * groups + group),
        );
        expect(found.toSorted((a, b) => a - b)).toEqual(Array.from({ length: count * groups }, (_, i) => i));
        // Whoever is free takes the next one.
        const loads = new Array<number>(threads).fill(0);
        for (const [first, end] of units) {
          const free = loads.indexOf(Math.min(...loads));
          loads[free] = loads[free]! + end - first;
        }
        const unevenTiles = count % units[0]![1] === 0 ? 0 : units[0]![1];
        expect(Math.max(...loads) - Math.min(...loads)).toBeLessThanOrEqual(Math.max(1, unevenTiles));
      }),
    );
    expect(cutIntoUnits(2, 3, 2)).toEqual([
      [0, 2, 0],
      [0, 2, 1],
      [0, 1, 2],
      [1, 2, 2],
    ]);
  });

  const shape = { groups: 1, shared: 2, headWidth: 16, window: Number.POSITIVE_INFINITY, normed: false };
  const fork: Step[] = [
    { select: [0], keep: [0], tokens: [5] },
    { select: [0, 0], keep: [1000], tokens: [1] },
    { select: [0, 1], keep: [1000], tokens: [2] },
  ];

  test("a page that is written to although a fork shares it is seen", async () => {
    expect(await worstDifference(shape, fork)).toBeLessThan(tolerance(shape));
    const careless = vi.spyOn(CachePage.prototype, "forAppending").mockImplementation(function (
      this: CachePage,
    ) {
      return this;
    });
    try {
      expect(await worstDifference(shape, fork)).toBeGreaterThan(tolerance(shape));
    } finally {
      careless.mockRestore();
    }
  });
});
