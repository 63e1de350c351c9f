import { extrapolate, largestGammaWithin } from "@amulet-ts/core";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { divergence, strengthWithin, tiltPolicy } from "../src/policy.js";
import recorded from "../src/recorded.json" with { type: "json" };
import { firstState, readState, writeState } from "../src/state.js";

beforeAll(() => tf.setBackend("cpu"));

const rows = recorded.places.map(({ base, preference }) => [base, preference] as const);

/** Core reads logs of up to L in float32 and multiplies their difference by x: at least 1e-6, at most 3x + 1 roundings of L. */
function rounding(x: number, ...logs_V: readonly (readonly number[])[]): number {
  const largest = Math.max(...logs_V.flat().map(Math.abs));
  return Math.max(1e-6, 2 ** -24 * (3 * x + 1) * largest);
}

test.each([0, 0.5, 1, 3, 12])(
  "at every place the bars at x = %d are core's policy, to float32's roundings",
  async (x) => {
    for (const [base, preference] of rows) {
      const tensors = [base, preference].map((row) => tf.tensor2d([row]));
      const policy = extrapolate(tensors[0]!, tensors[1]!, x - 1);
      const theirs = await policy.data();
      const off = tiltPolicy(base, preference, x).map((log, id) =>
        Math.abs(Math.exp(log) - Math.exp(theirs[id]!)),
      );
      expect(Math.max(...off)).toBeLessThan(rounding(x, base, preference));
      tf.dispose([...tensors, policy]);
    }
  },
);

test("a budget binds: one part in a thousand more of x would break it, and core's search, which stays on its safe side, is not past it", () => {
  for (const [base, preference] of rows) {
    const pref = tiltPolicy(base, preference, 1);
    const drift = (x: number) => divergence(tiltPolicy(base, preference, x), pref);
    const x = strengthWithin(base, preference, 0.2, 12);
    expect(drift(x)).toBeLessThanOrEqual(0.2);
    if (x < 12) expect(drift(x * 1.001)).toBeGreaterThan(0.2);
    const policies = [tf.tensor2d([base]), tf.tensor2d([preference])] as const;
    const gamma = largestGammaWithin(...policies, { nats: 0.2, largestGamma: 11 });
    expect(gamma.dataSync()[0]! + 1).toBeLessThanOrEqual(x + 1e-3);
    tf.dispose([...policies, gamma]);
  }
});

test("what an address says is read back, and what it says wrongly is as at first", () => {
  const states = fc.record({
    place: fc.integer({ min: 0, max: 7 }),
    x: fc.double({ min: 0, max: 12, noNaN: true, noDefaultInfinity: true }).map((x) => x + 0),
    nats: fc.oneof(
      fc.constant(Number.POSITIVE_INFINITY),
      fc.integer({ min: 0, max: 200 }).map((n) => n / 100),
    ),
  });
  fc.assert(
    fc.property(states, (state) => {
      expect(readState(writeState(state), 8)).toEqual(state);
    }),
  );
  expect(readState("#place=99&x=-1&nats=a", 8)).toEqual(firstState);
  expect(readState("", 8)).toEqual(firstState);
});
