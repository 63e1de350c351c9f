import "@tensorflow/tfjs-backend-cpu";
import {
  adamStages,
  ascendByAutodiff,
  ascendMirror,
  ascendProjected,
  lastPolicy,
  oracles,
  safeFloor,
  solveDual,
} from "@amulet-ts/verify";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { seededRow, seededStep } from "./seeded.js";

const { closedForm, curvature, kl, logSoftmax, objective, objectiveGradient, totalVariation } = oracles;

describe("mirror ascent", () => {
  it("reaches the closed form to 1e-12 in total variation, vocabulary 1,000", () => {
    const problem = seededStep(1, { size: 1000, spread: 3 });
    const run = { logStart: seededRow(2, 1000, 5), iterations: 60, pace: 0.5 };
    expect(totalVariation(lastPolicy(ascendMirror(problem, run)), closedForm(problem))).toBeLessThan(1e-12);
  });

  it.each([0.1, 0.5, 0.9, 1.5])("shrinks every log-odds error by |1 − pace| a step, pace %s", (pace) => {
    const problem = seededStep(3, { size: 8, spread: 2 });
    const target = closedForm(problem);
    const { logPolicies } = ascendMirror(problem, { logStart: seededRow(4, 8, 3), iterations: 12, pace });
    const error = (step: number) => logOddsDistance(logPolicies[step]!, target);
    // Log-odds of order 10 carry 1e-15 of rounding; twelve steps at |1 − pace| ≥ 0.1 end above 1e-12.
    for (let k = 0; k < 12; k++) expect(error(k + 1)).toBeCloseTo(Math.abs(1 - pace) * error(k), 12);
  });

  it("never lets the objective fall while pace ≤ 1", () => {
    const problem = seededStep(5, { size: 50, spread: 3 });
    const { logPolicies } = ascendMirror(problem, {
      logStart: seededRow(6, 50, 3),
      iterations: 30,
      pace: 0.3,
    });
    expectRising(logPolicies.map((logPolicy) => objective(problem, logPolicy)));
  });
});

describe("projected gradient on the simplex", () => {
  const problem = seededStep(7, { size: 5, spread: 0.5 });
  const target = closedForm(problem);
  const floor = safeFloor(problem);
  const run = { logStart: logSoftmax(seededRow(8, 5, 2)), iterations: 3000, floor };
  const { logPolicies } = ascendProjected(problem, run);

  it("comes no slower than its theory: squared distance times (1 − floor) a step", () => {
    const squared = logPolicies.map((logPolicy) => squaredDistance(logPolicy, target));
    // 1e-30: squares of the rounding that remains at the maximiser, a few 2^-52 per entry.
    for (let k = 0; k < run.iterations; k++)
      expect(squared[k + 1]!).toBeLessThanOrEqual((1 - floor) * squared[k]! + 1e-30);
  });

  it("never lets the objective fall, and ends at the closed form", () => {
    expectRising(logPolicies.map((logPolicy) => objective(problem, logPolicy)));
    expect(totalVariation(logPolicies.at(-1)!, target)).toBeLessThan(1e-12);
  });
});

describe("Newton on the dual", () => {
  it.each([1, 2, 40, 5000])("solves the step for a vocabulary of %i", (size) => {
    const problem = seededStep(9, { size, spread: 6 });
    const { logPolicy, masses } = solveDual(problem);
    // log π = (b − ν)/c: cancellation of numbers near 50, and masses summed to 1 within 2^-52.
    expect(logOddsDistance(logPolicy, closedForm(problem))).toBeLessThan(1e-13);
    expect(totalVariation(logPolicy, closedForm(problem))).toBeLessThan(1e-13);
    expectRising(masses.map((mass) => -mass));
  });

  it("converges quadratically: the excess mass is at most half its square a step later", () => {
    const { masses } = solveDual(seededStep(10, { size: 30, spread: 3 }));
    const excess = masses.map((mass) => Math.log(mass));
    // From log S to log S − 1 + 1/S ≤ (log S)²/2, exactly.
    for (let k = 0; k + 1 < excess.length; k++)
      expect(excess[k + 1]!).toBeLessThanOrEqual(excess[k]! ** 2 / 2 + 1e-14);
  });
});

describe("TensorFlow.js autodiff in float32", () => {
  beforeAll(() => tf.setBackend("cpu"));

  it("Adam reaches the closed form to 1e-4 in total variation, vocabulary 1,000", async () => {
    const problem = seededStep(11, { size: 1000, spread: 3 });
    const before = tf.memory().numTensors;
    const start = seededRow(12, 1000, 1);
    const logPolicy = await ascendByAutodiff(problem, { optimiser: "adam", stages: adamStages, start });
    expect(tf.memory().numTensors).toBe(before);
    const distance = totalVariation(logPolicy, closedForm(problem));
    expect(distance).toBeLessThan(1e-4);
  });

  it.each(["sgd", "momentum"] as const)("%s reaches the closed form of a small step", async (optimiser) => {
    // The slowest direction closes at a rate of about c · min π a unit of learning rate: mild rows, enough steps.
    const problem = seededStep(13, { size: 6, spread: 0.5 });
    const stages = [{ learningRate: optimiser === "sgd" ? 1 : 0.1, steps: 600 }];
    const logPolicy = await ascendByAutodiff(problem, { optimiser, stages, start: seededRow(14, 6, 1) });
    expect(totalVariation(logPolicy, closedForm(problem))).toBeLessThan(1e-5);
  });

  it("gradient descent with a small step approaches from below, its gap being c · KL", async () => {
    const problem = seededStep(15, { size: 6, spread: 1 });
    const target = closedForm(problem);
    const gaps: number[] = [];
    await ascendByAutodiff(problem, {
      optimiser: "sgd",
      stages: [{ learningRate: 0.05, steps: 40 }],
      start: seededRow(16, 6, 1),
      onStep: ({ objective: reached, logPolicy }) => {
        const gap = objective(problem, target) - reached;
        // F is a sum of six float32 products of order 10.
        expect(gap).toBeCloseTo(curvature(problem) * kl(logPolicy, target), 4);
        gaps.push(gap);
      },
    });
    expect(gaps.length).toBe(40);
    for (let k = 0; k + 1 < gaps.length; k++) expect(gaps[k + 1]!).toBeLessThan(gaps[k]! + 1e-5);
  });
});

describe("the closed form, judged by what does not know it", () => {
  it("has the same objective gradient for every token", () => {
    const problem = seededStep(17, { size: 12, spread: 4 });
    const gradient = objectiveGradient(problem, closedForm(problem));
    expect(Math.max(...gradient) - Math.min(...gradient)).toBeLessThan(1e-13);
  });

  it("lies above every other policy by exactly c · KL", () => {
    const problem = seededStep(18, { size: 12, spread: 4 });
    const target = closedForm(problem);
    for (let seed = 19; seed < 60; seed++) {
      const other = logSoftmax(seededRow(seed, 12, 4));
      const gap = objective(problem, target) - objective(problem, other);
      expect(gap).toBeCloseTo(curvature(problem) * kl(other, target), 12);
    }
  });
});

function expectRising(values: readonly number[]): void {
  // At the top, the objective's own rounding (values of order 10) is all that moves.
  for (let k = 0; k + 1 < values.length; k++) expect(values[k + 1]!).toBeGreaterThan(values[k]! - 1e-13);
}

function logOddsDistance(left: Float64Array, right: Float64Array): number {
  const gaps = left.map((value, a) => value - right[a]!);
  return Math.max(...gaps) - Math.min(...gaps);
}

function squaredDistance(left: Float64Array, right: Float64Array): number {
  return left.reduce((sum, value, a) => sum + (Math.exp(value) - Math.exp(right[a]!)) ** 2, 0);
}
