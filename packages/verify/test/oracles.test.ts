import { oracles } from "@amulet-ts/verify";
import { describe, expect, it } from "vitest";
import { seededRow } from "./seeded.js";

const { logSoftmax, paperParameters } = oracles;

describe("the strength", () => {
  it("at the paper's settings is 5.648699006951202", () => {
    // 60 steps of a recursion with positive terms: within a few hundred roundings of 2^-53.
    expect(oracles.guidanceScale(paperParameters)).toBeCloseTo(5.648699006951202, 13);
  });

  it.each([
    [0.5, 1.329],
    [1, 1.926],
    [1.5, 3.114],
    [2, 5.649],
    [3, 24.03],
    [4, 118.07],
  ])("at α = %s has the measured value", (alpha, expected) => {
    const digits = expected < 10 ? 3 : 2;
    expect(oracles.guidanceScale({ ...paperParameters, alpha })).toBeCloseTo(expected, digits);
  });

  it.each([
    [0.1, 4.735],
    [1, 5.436],
    [100, 5.677],
  ])("at η = %s has the measured value", (eta, expected) => {
    expect(oracles.guidanceScale({ ...paperParameters, eta })).toBeCloseTo(expected, 3);
  });

  it("has exponents that add up to 1 after every step", () => {
    for (const { base, preference } of oracles.exponentTrajectory({ ...paperParameters, alpha: 1.5 }))
      expect(base + preference).toBeCloseTo(1, 13);
  });
});

describe("the loop that keeps every utility", () => {
  const logBase = seededRow(1, 40, 2);
  const logPreference = seededRow(2, 40, 2);

  it.each([0, 1, 2, 10, 60])("collapses to one extrapolation after %i steps", (iterations) => {
    const parameters = { ...paperParameters, iterations };
    const loop = oracles.amulet(logBase, logPreference, parameters);
    const gamma = oracles.guidanceScale(parameters) - 1;
    const collapsed = oracles.tilt(logSoftmax(logBase), logSoftmax(logPreference), gamma);
    // Log-probabilities near 50, sixty steps of rounding at 2^-53.
    for (let a = 0; a < 40; a++) expect(loop[a]).toBeCloseTo(collapsed[a]!, 11);
  });

  it("keeps T + 1 policies and T utilities", () => {
    const { logPolicies, utilities } = oracles.runLoop(logBase, logPreference, paperParameters);
    expect([logPolicies.length, utilities.length]).toEqual([61, 60]);
  });
});

describe("distributions", () => {
  it("KL, total variation and entropy of a fair against a loaded coin", () => {
    const fair = [0.5, 0.5].map(Math.log);
    const loaded = [0.75, 0.25].map(Math.log);
    expect(oracles.kl(fair, loaded)).toBeCloseTo(0.5 * Math.log(4 / 3), 15);
    expect(oracles.totalVariation(fair, loaded)).toBeCloseTo(0.25, 15);
    expect(oracles.entropy(fair)).toBeCloseTo(Math.LN2, 15);
  });

  it("a token that cannot occur costs nothing, and one that only π reaches costs everything", () => {
    const sure = [0, Number.NEGATIVE_INFINITY];
    expect(oracles.kl(sure, [0.5, 0.5].map(Math.log))).toBeCloseTo(Math.LN2, 15);
    expect(oracles.kl([0.5, 0.5].map(Math.log), sure)).toBe(Number.POSITIVE_INFINITY);
  });

  it("log-softmax is finite at any gap", () => {
    expect([...logSoftmax([0, 5000])]).toEqual([-5000, 0]);
  });
});

describe("the objective's gradient", () => {
  it("is what finite differences of the objective see", () => {
    const row = (seed: number) => logSoftmax(seededRow(seed, 6, 1));
    const problem = {
      meanUtility: seededRow(3, 6, 1),
      logReference: row(4),
      logCurrent: row(5),
      lambda: 2,
      proximal: 0.1,
    };
    const theta = seededRow(6, 6, 1);
    const slope = oracles.logitGradient(problem, logSoftmax(theta));
    const valueAt = (a: number, step: number) =>
      oracles.objective(problem, logSoftmax(theta.map((value, b) => (a === b ? value + step : value))));
    // Central differences at 1e-5: truncation 1e-10, rounding 1e-15 / 1e-5.
    for (let a = 0; a < 6; a++)
      expect((valueAt(a, 1e-5) - valueAt(a, -1e-5)) / 2e-5).toBeCloseTo(slope[a]!, 8);
  });
});

describe("rotary positions", () => {
  const config = { rope_theta: 10_000, max_position_embeddings: 8 };
  const scaled = (rope_type: string) => ({ ...config, rope_scaling: { rope_type, factor: 4 } });

  it("linear scaling reads position p as position p / factor", () => {
    const head = seededRow(7, 8, 1);
    const plain = oracles.rotate(head, 3, oracles.ropeFrequencies(config, 8, 16));
    const stretched = oracles.rotate(head, 12, oracles.ropeFrequencies(scaled("linear"), 8, 16));
    for (let i = 0; i < 8; i++) expect(stretched[i]).toBeCloseTo(plain[i]!, 14);
  });

  it("dynamic scaling sets in beyond the trained length and slows the slowest pair by length's factor", () => {
    const plain = oracles.ropeFrequencies(config, 8, 8);
    expect(oracles.ropeFrequencies(scaled("dynamic"), 8, 8)).toEqual(plain);
    // θ grows by (4 · 16/8 − 3)^(8/6) = 5^(4/3); the last frequency is θ^(−6/8), so it falls by 5.
    const beyond = oracles.ropeFrequencies(scaled("dynamic"), 8, 16);
    expect(plain[3]! / beyond[3]!).toBeCloseTo(5, 12);
    expect(beyond[0]).toBe(1);
  });

  it("keeps the angle between two tokens when both move", () => {
    const frequencies = oracles.ropeFrequencies(config, 8, 16);
    const [query, key] = [seededRow(8, 8, 1), seededRow(9, 8, 1)];
    const score = (shift: number) => {
      const turned = oracles.rotate(query, 5 + shift, frequencies);
      const other = oracles.rotate(key, 2 + shift, frequencies);
      return turned.reduce((sum, value, i) => sum + value * other[i]!, 0);
    };
    expect(score(7)).toBeCloseTo(score(0), 12);
  });
});

describe("the drift budget", () => {
  it("is used up exactly, and the next larger strength exceeds it", () => {
    const [base, preference] = [logSoftmax(seededRow(10, 20, 1)), logSoftmax(seededRow(11, 20, 1))];
    const gamma = oracles.largestGammaWithin(base, preference, { nats: 0.2, largestGamma: 10 });
    expect(oracles.drift(base, preference, gamma)).toBeLessThanOrEqual(0.2);
    expect(oracles.drift(base, preference, gamma * (1 + 1e-12))).toBeGreaterThan(0.2);
  });
});
