/** A step's tail by kernels over tensors where they lie: held to float64, and to core's form in tensors. */
import { startBackend } from "@amulet-ts/backends";
import { withoutLeaks } from "@amulet-ts/testing/backends/no-leaks";
import * as tf from "@tensorflow/tfjs-core";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { policies as plain, policiesRelaxed as relaxed } from "#binary";
import { hasRelaxedSimd, makeModule } from "../src/memory/relaxed-simd.js";
import { bytesOf, Instance, Memory } from "../src/memory/webassembly.js";
import { type Policies, policiesOf } from "../src/policies/policies.js";
import type { RowKernels } from "../src/policies/tfjs-memory.js";

withoutLeaks("wasm");

let policies: Policies;
beforeAll(async () => {
  await startBackend("wasm");
  policies = policiesOf(tf.backend())!;
});

const floor = -1e4;
const ulp = 2 ** -23;

const shapes = { rows: fc.integer({ min: 1, max: 9 }), width: fc.integer({ min: 1, max: 2100 }) };
const seed = fc.integer({ min: 1, max: 2 ** 31 - 1 });

/** Numbers of float32 by mulberry32, roughly normal. */
function draw(count: number, spread: number, from: number): Float32Array {
  let state = from;
  const uniform = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  return Float32Array.from({ length: count }, () => spread * (uniform() + uniform() + uniform() - 1.5) * 2);
}

/** Normalised in float64; what is impossible is at the floor. */
function normalise(row: readonly number[]): number[] {
  const most = Math.max(...row);
  const logZ = Math.log(row.reduce((sum, x) => sum + Math.exp(x - most), 0));
  return row.map((x) => Math.max(x - most, floor) - logZ);
}

/** KL(π_γ ‖ π_pref). */
function drift(base: readonly number[], preference: readonly number[], gamma: number): number {
  const [logs, pref] = [
    normalise(preference.map((p, i) => p + gamma * (p - base[i]!))),
    normalise(preference),
  ];
  return logs.reduce((sum, log, i) => sum + Math.exp(log) * (log - pref[i]!), 0);
}

/**
 * A sum of w float32 exponentials is off by its own roundings, ten for each and one for each vector of a block of 64; what
 * is normalised by the roundings of the difference of numbers as large as `size`.
 */
const normaliserError = (100 * ulp) / 2;

/** How far numbers are outside of their bounds, at most; NaN where one is. */
function excess(found: readonly number[], expected: readonly number[], bound: (x: number) => number): number {
  return Math.max(...expected.map((x, v) => Math.abs(found[v]! - x) - bound(x)));
}

async function rowsOf(tensor: tf.Tensor2D): Promise<number[][]> {
  const rows = await tensor.array();
  tensor.dispose();
  return rows;
}

describe.each([["plain", plain] as const, ...(hasRelaxedSimd() ? [["relaxed", relaxed] as const] : [])])(
  "the %s build",
  (_, code) => {
    const memory = new Memory({ initial: 4, maximum: 65536, shared: false });
    const bytes = new Uint8Array(memory.buffer).fill(171);
    const kernels = new Instance(makeModule(bytesOf(code)), { env: { memory } }).exports as RowKernels;

    test("writes nothing into a memory that it is put into", () => {
      expect(bytes.every((byte) => byte === 171)).toBe(true);
    });

    test("has exponentials off by a unit and what their arguments' rounding explains, in every lane", () => {
      // A product with log2 e, which is float32 too, is off by 1.23 roundings of |x|; sixteen of one number sum up exactly.
      const row = new Float32Array(memory.buffer, 64, 16);
      const points = Array.from({ length: 20_000 }, (_, i) => Math.fround(-87 * (i / 20_000) ** 2));
      const units = points.map((x, i) => {
        row.fill(-Infinity);
        row[i % 16] = x;
        const relative = kernels.sumExponentials(row.byteOffset, 16, 0) / (Math.exp(x) + 15 * 2 ** -126) - 1;
        return Math.abs(relative) / ulp - (1.23 * Math.abs(x)) / 2;
      });
      expect(Math.max(...units)).toBeLessThan(1);
    });
  },
);

describe("normalising", () => {
  test("is float64's, for rows of any width, masked tokens, ties and large logits", async () => {
    const drawn = fc.record({
      ...shapes,
      seed,
      spread: fc.constantFrom(0, 1, 10, 1000),
      offset: fc.constantFrom(0, -3e4, 1e5),
      masked: fc.constantFrom(0, 0.3),
    });
    await fc.assert(
      fc.asyncProperty(drawn, async ({ rows, width, seed, spread, offset, masked }) => {
        const values = draw(rows * width, spread, seed).map((x, i) =>
          // Never the whole row; by a number that has nothing to do with x.
          i % width !== seed % width && ((i * 7919) % 100) / 100 < masked ? -Infinity : x + offset,
        );
        const logits_BV = tf.tensor2d(values, [rows, width]);
        const found = await rowsOf(policies.normalise(logits_BV, floor)!);
        logits_BV.dispose();
        for (let b = 0; b < rows; b++) {
          const expected = normalise(Array.from(values.subarray(b * width, (b + 1) * width)));
          expect(
            excess(found[b]!, expected, (x) => normaliserError + 2 * ulp * Math.abs(x)),
          ).toBeLessThanOrEqual(0);
        }
      }),
      { numRuns: 120 },
    );
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY])(
    "a row with %s is NaN throughout, wherever it stands, and no other row",
    async (bad) => {
      for (const width of [1, 3, 5, 8, 19, 600]) {
        for (const at of new Set([0, width >> 1, width - 1])) {
          const values = draw(3 * width, 1, 5);
          values[width + at] = bad;
          const logits_BV = tf.tensor2d(values, [3, width]);
          const [before, row, after] = await rowsOf(policies.normalise(logits_BV, floor)!);
          logits_BV.dispose();
          expect(row!.every(Number.isNaN)).toBe(true);
          expect([...before!, ...after!].every(Number.isFinite)).toBe(true);
        }
      }
    },
  );
});

test("extrapolating is float64's, with one γ and with one for each row", async () => {
  const drawn = fc.record({
    ...shapes,
    seed,
    spread: fc.constantFrom(0.1, 5),
    gamma: fc.constantFrom(-1, 0, 4.65),
  });
  await fc.assert(
    fc.asyncProperty(drawn, async ({ rows, width, seed, spread, gamma }) => {
      const [base, preference] = [draw(rows * width, spread, seed), draw(rows * width, spread, seed + 1)];
      const [base_BV, preference_BV] = [
        tf.tensor2d(base, [rows, width]),
        tf.tensor2d(preference, [rows, width]),
      ];
      const gammas = Float32Array.from({ length: rows }, (_, b) => gamma + b / 4);
      const gamma_B1 = tf.tensor2d(gammas, [rows, 1]);
      const one = await rowsOf(policies.extrapolate(base_BV, preference_BV, gamma, floor)!);
      const each = await rowsOf(policies.extrapolate(base_BV, preference_BV, gamma_B1, floor)!);
      tf.dispose([base_BV, preference_BV, gamma_B1]);
      for (let b = 0; b < rows; b++) {
        const [p, q] = [base, preference].map((x) => Array.from(x.subarray(b * width, (b + 1) * width)));
        for (const [found, g] of [
          [one[b]!, Math.fround(gamma)],
          [each[b]!, gammas[b]!],
        ] as const) {
          const exponents = q!.map((x, v) => x + g * (x - p![v]!));
          const size = Math.max(
            ...q!.map((x, v) => Math.abs(x) + Math.abs(g) * 2 * (Math.abs(x) + Math.abs(p![v]!))),
          );
          const bound = (x: number) => normaliserError + 4 * ulp * (size + Math.abs(x));
          expect(excess(found, normalise(exponents), bound)).toBeLessThanOrEqual(0);
        }
      }
    }),
    { numRuns: 80 },
  );
});

test("equal tokens stay equal wherever they stand, so that the first of them is the best", async () => {
  for (let width = 1; width <= 19; width++) {
    const [base, preference] = [draw(100, 3, width), draw(100, 3, width + 100)];
    const spread = (values: Float32Array) =>
      tf.tensor2d(
        Float32Array.from({ length: 100 * width }, (_, i) => values[Math.floor(i / width)]!),
        [100, width],
      );
    const [base_BV, preference_BV] = [spread(base), spread(preference)];
    const rows = await rowsOf(policies.extrapolate(base_BV, preference_BV, 4.65, floor)!);
    tf.dispose([base_BV, preference_BV]);
    for (const row of rows) expect(new Set(row).size).toBe(1);
  }
});

describe("the best token", () => {
  test("is the first of the largest, and its number", async () => {
    await fc.assert(
      fc.asyncProperty(fc.record({ ...shapes, seed }), async ({ rows, width, seed }) => {
        // Few values, so that there are ties; no −0, which is as large as 0.
        const values = draw(rows * width, 3, seed).map((x) => Math.round(x) + 0);
        const policy_BV = tf.tensor2d(values, [rows, width]);
        const { column_B, logProbability_B } = policies.best(policy_BV)!;
        const [columns, logs] = [await column_B.data(), await logProbability_B.data()];
        tf.dispose([policy_BV, column_B, logProbability_B]);
        for (let b = 0; b < rows; b++) {
          const row = Array.from(values.subarray(b * width, (b + 1) * width));
          expect(logs[b]).toBe(Math.max(...row));
          expect(columns[b]).toBe(row.indexOf(Math.max(...row)));
        }
      }),
      { numRuns: 80 },
    );
  });

  test("is NaN where any number of the row is", async () => {
    for (const at of [0, 6, 8, 10]) {
      const values = draw(11, 1, 3);
      values[at] = Number.NaN;
      const policy_BV = tf.tensor2d(values, [1, 11]);
      const { column_B, logProbability_B } = policies.best(policy_BV)!;
      expect((await logProbability_B.data())[0]).toBeNaN();
      tf.dispose([policy_BV, column_B, logProbability_B]);
    }
  });
});

test("the search stays within the budget and uses it, by float64", async () => {
  const drawn = fc.record({
    rows: fc.integer({ min: 1, max: 3 }),
    width: fc.integer({ min: 2, max: 700 }),
    spread: fc.constantFrom(0.1, 2, 10),
    apart: fc.constantFrom(0, 0.05, 1, 5),
    nats: fc.constantFrom(0, 0.01, 0.2, 2),
    largestGamma: fc.constantFrom(0, 0.5, 4.65, 100),
    seed,
  });
  let [bounded, unused] = [0, 0];
  await fc.assert(
    fc.asyncProperty(drawn, async ({ rows, width, spread, apart, nats, largestGamma, seed }) => {
      const common = draw(rows * width, spread, seed);
      const logits = [1, 2].map((n) => {
        const own = draw(rows * width, apart, seed + n);
        return tf.tensor2d(
          common.map((x, i) => x + own[i]!),
          [rows, width],
        );
      });
      const [base_BV, preference_BV] = logits.map((x) => policies.normalise(x, floor)!) as [
        tf.Tensor2D,
        tf.Tensor2D,
      ];
      const limit = nats * (1 - 1e-4);
      const search = { limit, wanted: limit * (1 - 5e-5), largestGamma, passes: 6 };
      const found = policies.extrapolateWithin(base_BV, preference_BV, search, floor)!;
      const again = policies.extrapolate(base_BV, preference_BV, found.gamma_B1, floor)!;
      expect(await rowsOf(found.logPolicy_BV)).toEqual(await rowsOf(again));
      const gammas = await found.gamma_B1.data();
      const [base, preference] = [await rowsOf(base_BV), await rowsOf(preference_BV)];
      tf.dispose([...logits, found.gamma_B1]);
      for (let b = 0; b < rows; b++) {
        const gamma = gammas[b]!;
        expect(gamma).toBeGreaterThanOrEqual(0);
        expect(gamma).toBeLessThanOrEqual(Math.fround(largestGamma));
        // Exponents up to 100 in size are float32, off by 2^-18: so are their differences from the normaliser.
        const own = drift(base[b]!, preference[b]!, gamma);
        expect(own).toBeLessThanOrEqual(nats + 2 ** -18 * (1 + gamma));
        if (nats < 0.01 || gamma === Math.fround(largestGamma)) continue;
        bounded++;
        if (own < 0.98 * nats) unused++;
      }
    }),
    { numRuns: 150 },
  );
  expect(bounded).toBeGreaterThan(50);
  // Six looks leave budget only where a token that is rare rises at once: core says how often.
  expect(unused / bounded).toBeLessThan(0.1);
});

test("a token that only the preference allows: a search that begins far from the largest exponent stays finite", async () => {
  const base_BV = tf.tensor2d([[-0.1, -2.4, -9000, -9000, -9000]]);
  const preference_BV = tf.tensor2d([[-0.2, -1.8, -4.6, -9000, -5000]]);
  const search = { limit: 0.2, wanted: 0.2 * (1 - 5e-5), largestGamma: 4.65, passes: 6 };
  const { logPolicy_BV, gamma_B1 } = policies.extrapolateWithin(base_BV, preference_BV, search, floor)!;
  const [[base], [preference], [policy]] = [
    await rowsOf(base_BV),
    await rowsOf(preference_BV),
    await rowsOf(logPolicy_BV),
  ];
  const [gamma] = await gamma_B1.data();
  gamma_B1.dispose();
  expect(policy!.every(Number.isFinite)).toBe(true);
  expect(drift(base!, preference!, gamma!)).toBeLessThanOrEqual(0.2);
});

test("where gradients are asked for, and for whole numbers, tensors have to do", () => {
  const whole_BV = tf.tensor2d([[1, 2]], [1, 2], "int32");
  expect(policies.normalise(whole_BV, floor)).toBeUndefined();
  whole_BV.dispose();
  let within: unknown = "not called";
  const x_BV = tf.tensor2d([[1, 2]]);
  const slope = tf.grad((x) => {
    within = policies.normalise(x as tf.Tensor2D, floor);
    return tf.customGrad((y) => ({ value: tf.sum(y as tf.Tensor), gradFunc: () => tf.onesLike(x) }))(x);
  })(x_BV);
  expect(within).toBeUndefined();
  tf.dispose([x_BV, slope]);
});
