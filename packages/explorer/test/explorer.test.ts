import { boundedMethod, guidanceMethod, paperParameters } from "@amulet-ts/core";
import { withoutLeaks } from "@amulet-ts/testing/backends/no-leaks";
import { oracles } from "@amulet-ts/verify";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  bestToken,
  candidatesAt,
  divergence,
  measureToken,
  normalise,
  type Place,
  strengthUsed,
  strengthWithin,
  tiltPolicy,
} from "../src/policy.js";
import recorded from "../src/recorded.json" with { type: "json" };
import { linesOfSameStrength } from "../src/same-strength.js";
import {
  ascend,
  lastStep,
  type Masses,
  massesOf,
  objective,
  oneStepTo,
  outline,
  type StepProblem,
  type View,
  viewFrom,
} from "../src/simplex.js";

withoutLeaks("cpu");

/** Float32, as both prompts' policies come from an engine. */
const places = recorded.places.map(({ base, preference }) =>
  normalise({ base: Float32Array.from(base), preference: Float32Array.from(preference) }),
);

const largestGap = (one: ArrayLike<number>, other: ArrayLike<number>) =>
  Math.max(...Array.from(one, (log, id) => Math.abs(Math.exp(log) - Math.exp(other[id]!))));

/** Two policies over a few tokens, whose logarithms reach down to `least`. */
const rowsFrom = (least: number) =>
  fc
    .integer({ min: 2, max: 8 })
    .chain((length) => {
      const row = fc.array(fc.double({ min: least, max: 0, noNaN: true }), {
        minLength: length,
        maxLength: length,
      });
      return fc.tuple(row, row);
    })
    .map(([base, preference]): Place => normalise({ base, preference }));
const rows = rowsFrom(-30);
/** No token is certain at any strength. */
const evenRows = rowsFrom(-2);

describe("the closed form", () => {
  test.each([0, 0.5, 1, 3, 5.65, 12])(
    "at x = %d the bars are the float64 oracle's policy within 1e-6",
    (x) => {
      for (const { base, preference } of places)
        expect(
          largestGap(tiltPolicy({ base, preference }, x), oracles.tilt(base, preference, x - 1)),
        ).toBeLessThan(1e-6);
      fc.assert(
        fc.property(rows, (place) => {
          expect(
            largestGap(tiltPolicy(place, x), oracles.tilt(place.base, place.preference, x - 1)),
          ).toBeLessThan(1e-6);
        }),
      );
    },
  );

  test.each([0, 1, 3, 12])(
    "core, in float32, is no further from it at x = %d than its own roundings",
    async (x) => {
      for (const { base, preference } of places) {
        const tensors = [base, preference].map((row) => tf.tensor2d([Array.from(row)]));
        const policy = guidanceMethod(x).policy(tensors[0]!, tensors[1]!) as tf.Tensor;
        const most = Math.max(...Array.from(base, Math.abs), ...Array.from(preference, Math.abs));
        const gap = largestGap(tiltPolicy({ base, preference }, x), await policy.data());
        // Logs of up to `most` in float32, their difference times x: 3x + 1 roundings.
        expect(gap).toBeLessThan(2 ** -24 * (3 * x + 1) * most);
        expect(gap).toBeLessThan(1e-6);
        tf.dispose([...tensors, policy]);
      }
    },
  );
});

describe("a budget", () => {
  test("stops the dial where the float64 oracle does, within 1e-6", () => {
    for (const place of places)
      for (const nats of [0, 0.01, 0.2, 1, 3])
        expect(strengthWithin(place, nats, 12)).toBeCloseTo(oracleStrength(place, nats, 12), 6);
    fc.assert(
      fc.property(rows, fc.double({ min: 0.001, max: 4, noNaN: true }), (place, nats) => {
        const x = strengthWithin(place, nats, 12);
        const theirs = oracleStrength(place, nats, 12);
        expect(drift(place, x)).toBeLessThanOrEqual(nats + 1e-12);
        // Where the drift is flat, strengths lie far apart that cost the same.
        expect(Math.abs(drift(place, x) - drift(place, theirs))).toBeLessThan(1e-6);
      }),
    );
  });

  test("is never spent by core beyond the page's strength", () => {
    for (const { base, preference } of places) {
      const tensors = [base, preference].map((row) => tf.tensor2d([Array.from(row)]));
      const result = boundedMethod(0.2, 11).policy(tensors[0]!, tensors[1]!);
      const { gamma_B1, logPolicy_BV } = result as { gamma_B1: tf.Tensor; logPolicy_BV: tf.Tensor };
      expect(gamma_B1.dataSync()[0]! + 1).toBeLessThanOrEqual(
        strengthWithin({ base, preference }, 0.2, 12) + 1e-3,
      );
      tf.dispose([...tensors, gamma_B1, logPolicy_BV]);
    }
  });

  test("bounds nothing up to the preference prompt, and nothing where there is none", () => {
    const [place] = places as [Place];
    expect(strengthUsed(place, { x: 0.7, nats: 0 })).toBe(0.7);
    expect(strengthUsed(place, { x: 9, nats: Number.POSITIVE_INFINITY })).toBe(9);
    expect(strengthUsed(place, { x: 9, nats: 0 })).toBeCloseTo(1, 4);
  });

  const drift = (place: Place, x: number) => divergence(tiltPolicy(place, x), place.preference);
  const oracleStrength = ({ base, preference }: Place, nats: number, largest: number) =>
    1 + oracles.largestGammaWithin(base, preference, { nats, largestGamma: largest - 1 });
});

describe("the picture of three and the rest", () => {
  const parameters = fc.record({
    iterations: fc.integer({ min: 0, max: 30 }),
    alpha: fc.double({ min: 0, max: 2, noNaN: true }),
    lambda: fc.double({ min: 1, max: 4, noNaN: true }),
    eta: fc.double({ min: 0.5, max: 50, noNaN: true }),
  });
  const climbed = (place: Place, problem: StepProblem) => {
    const steps = ascend(place, problem);
    return Array.from({ length: 400 }, () => steps.next().value).at(-1)!;
  };

  test("gradient ascent on the last step's objective ends where T steps of the oracle's loop do", () => {
    fc.assert(
      fc.property(evenRows, parameters, (place, dial) => {
        const theirs = oracles.amulet(place.base, place.preference, dial);
        expect(largestGap(climbed(place, lastStep(dial)), theirs)).toBeLessThan(1e-6);
      }),
      { numRuns: 50 },
    );
  });

  test("below the maximum the objective lies by the step's weight times the divergence from it", () => {
    fc.assert(
      fc.property(rows, rows, parameters, (place, other, dial) => {
        fc.pre(place.base.length === other.base.length);
        const problem = lastStep(dial);
        const best = oracles.amulet(place.base, place.preference, dial);
        const gap = objective(place, problem, best) - objective(place, problem, other.base);
        const weighed = (problem.lambda + problem.proximal) * divergence(other.base, best);
        expect(Math.abs(gap - weighed)).toBeLessThan(1e-9 * (1 + weighed));
      }),
    );
  });

  const turns = fc.tuple(fc.integer({ min: -180, max: 180 }), fc.integer({ min: -90, max: 90 }));
  const three = candidatesAt(places[1]!, [0, 3, 12], 3);
  /** With these masses, and within the rest as the best policy has it. */
  const withMasses = (best_V: ArrayLike<number>, masses: Masses) => {
    const rest = massesOf(best_V, three)[3]!;
    const shares = Array.from(best_V, (log, id) =>
      three.includes(id) ? masses[three.indexOf(id)]! : (Math.exp(log) * masses[3]!) / rest,
    );
    return shares.map((share) => Math.log(Math.max(share, 1e-300)));
  };

  /** −log of the mass at the furthest corners in a direction: no policy that leans there is further from the best. */
  const mostNatsTowards = (best: Masses, { corners }: View, angle: number) => {
    const along = corners.map(([x, y]) => x * Math.cos(angle) + y * Math.sin(angle));
    const furthest = Math.max(...along) - 1e-9;
    return -Math.log(best.reduce((sum, mass, i) => sum + (along[i]! >= furthest ? mass : 0), 0));
  };

  test("on the outline of a level the objective of whole policies is one number, whichever way the figure is turned", () => {
    const [, place] = places as [Place, Place];
    const best_V = tiltPolicy(place, 3);
    const best = massesOf(best_V, three);
    const problem = oneStepTo(3);
    fc.assert(
      fc.property(turns, fc.constantFrom(0.02, 0.3), (turn, nats) => {
        const most = objective(place, problem, best_V);
        const view = viewFrom(turn);
        for (const [i, masses] of outline(best, nats, view, 12).entries()) {
          // Where corners stand behind one another, a level may reach beyond all that leads there.
          const expected = Math.min(nats, mostNatsTowards(best, view, (2 * Math.PI * i) / 12));
          expect(most - objective(place, problem, withMasses(best_V, masses))).toBeCloseTo(expected, 5);
        }
      }),
      { numRuns: 20, examples: [[[90, 0], 0.3]] },
    );
  });

  test("whatever is as high or higher is seen within that outline", () => {
    const best = massesOf(tiltPolicy(places[1]!, 3), three);
    const others = fc.array(fc.double({ min: 0.001, max: 1, noNaN: true }), { minLength: 4, maxLength: 4 });
    fc.assert(
      fc.property(turns, others, fc.double({ min: 0, max: 1, noNaN: true }), (turn, weights, share) => {
        const sum = weights.reduce((total, weight) => total + weight, 0);
        const masses = best.map((mass, i) => share * mass + ((1 - share) * weights[i]!) / sum);
        const [logs, best_4] = [masses.map(Math.log), best.map(Math.log)];
        const view = viewFrom(turn);
        const [x, y] = view.pointOf(masses);
        const seen = outline(best, divergence(logs, best_4), view, 24).map(view.pointOf);
        for (const [i, corner] of seen.entries()) {
          const angle = (2 * Math.PI * i) / seen.length;
          const [across, down] = [Math.cos(angle), Math.sin(angle)];
          expect(x * across + y * down).toBeLessThanOrEqual(corner[0] * across + corner[1] * down + 1e-6);
        }
      }),
      { numRuns: 50 },
    );
  });

  test("the four masses are a whole, and each corner is where it is certain", () => {
    for (const x of [0, 1, 5.65])
      expect(massesOf(tiltPolicy(places[1]!, x), three).reduce((sum, mass) => sum + mass)).toBeCloseTo(1, 12);
    const { corners, pointOf, edges } = viewFrom([0, 0]);
    for (const [i, corner] of corners.entries())
      expect(pointOf([0, 1, 2, 3].map((k) => (k === i ? 1 : 0)))).toEqual(corner);
    // From the front the rest is behind the three.
    expect(edges.filter(({ isHidden }) => isHidden).map(({ ends }) => ends)).toEqual([
      [0, 3],
      [1, 3],
      [2, 3],
    ]);
    expect(Math.abs(viewFrom([180, 0]).corners[0]![0] - 0.5)).toBeLessThan(1e-12);
  });
});

test("along a line of equal strength every T and α give the oracle's one x", () => {
  const { lambda, eta } = paperParameters;
  const lines = linesOfSameStrength({ lambda, eta }, [2, 5.65], 60);
  for (const [x, points] of lines) {
    expect(points.length).toBeGreaterThan(40);
    // α lies between two of a grid, on a straight line where x is a curve.
    for (const { iterations, alpha } of points)
      expect(oracles.guidanceScale({ iterations, alpha, lambda, eta }) / x).toBeCloseTo(1, 2);
  }
});

test("candidates are the tokens that some strength makes likeliest, the best first", () => {
  const [, place] = places as [Place, Place];
  const strengths = [0, 1, 3, 12];
  const policies = strengths.map((x) => tiltPolicy(place, x));
  const most = policies[0]!.map((_, id) => Math.max(...policies.map((log_V) => log_V[id]!)));
  const sorted = [...most.keys()].sort((one, other) => most[other]! - most[one]!);
  expect(candidatesAt(place, strengths, 10)).toEqual(sorted.slice(0, 10));
});

test("what the guided path says of the place where the answer breaks holds", () => {
  const [first, place] = places as [Place, Place];
  const said = (x: number) => recorded.pieces[bestToken(tiltPolicy(place, x))];
  expect([0, 1, 3, 5.65].map(said)).toEqual([" Also", " Also", " Better", " help"]);
  const help = recorded.pieces.indexOf(" help");
  expect(Math.exp(place.base[help]!)).toBeLessThan(1e-4);
  expect(Math.exp(place.preference[help]!)).toBeLessThan(1e-4);
  const unbounded = measureToken(place, help, { x: 5.65, nats: Number.POSITIVE_INFINITY });
  expect(Math.exp(unbounded.delta)).toBeCloseTo(62.3, 0);
  expect(Math.round(Math.exp(4.65 * unbounded.delta) / 1e8)).toBe(2);
  expect(unbounded.fromPreference).toBeCloseTo(9.7, 1);
  expect(measureToken(place, help, { x: 5.65, nats: 0.2 }).x).toBeCloseTo(2.41, 2);
  expect(strengthUsed(first, { x: 5.65, nats: 0.2 })).toBe(5.65);
});
