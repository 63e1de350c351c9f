/** That the cases are what their names say, reach where faults hide, and shrink. */
import { arbitraries, oracleLogits, oracles } from "@amulet-ts/verify";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

const sample = <T>(arbitrary: fc.Arbitrary<T>, numRuns = 300): T[] =>
  fc.sample(arbitrary, { numRuns, seed: 20266 });
const gap = (row: readonly number[]) => {
  const [first, second = Number.NEGATIVE_INFINITY] = row.toSorted((a, b) => b - a);
  return first! - second;
};
const isFloat32 = (value: number) => Math.fround(value) === value;

describe("pairs of logits", () => {
  it("have two rows of one vocabulary, of float32 numbers", () => {
    for (const { base, preference } of sample(arbitraries.logitPair({ largest: 300 }))) {
      expect(base.length).toBe(preference.length);
      expect([...base, ...preference].every(isFloat32)).toBe(true);
    }
  });

  it("have vocabularies from 1 to 50,000", () => {
    const sizes = sample(arbitraries.logitPair({ largest: 50_000 }), 2000).map(({ base }) => base.length);
    expect(Math.min(...sizes)).toBe(1);
    expect(Math.max(...sizes)).toBeGreaterThan(25_000);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(50_000);
  });

  it("are peaked, and so near to one-hot that float32 has no room for the rest", () => {
    const gaps = sample(arbitraries.peakedPair).map(({ preference }) => gap(preference));
    expect(gaps.some((size) => size > 5 && size < 30)).toBe(true);
    expect(gaps.some((size) => Number.isFinite(size) && Math.fround(Math.exp(-size)) < 2 ** -126)).toBe(true);
  });

  it("tie, are equal, are shifted by 10,000", () => {
    expect(sample(arbitraries.tiedPair).some(({ base }) => new Set(base).size < base.length)).toBe(true);
    for (const { base, preference } of sample(arbitraries.equalPair)) expect(base).toEqual(preference);
    for (const { base, preference } of sample(arbitraries.shiftedPair)) {
      expect(Math.min(...base)).toBeGreaterThan(9_900);
      expect(Math.max(...preference)).toBeLessThan(-9_900);
    }
  });

  it("are masked in some tokens, never in all, after both prompts alike or after the preference prompt", () => {
    const pairs = sample(arbitraries.maskedPair);
    const masks = (row: readonly number[]) => row.map((logit) => !Number.isFinite(logit));
    expect(pairs.some(({ base }) => masks(base).includes(true))).toBe(true);
    const alone = pairs.filter(({ base, preference }) => `${masks(base)}` !== `${masks(preference)}`);
    expect(alone.length).toBeGreaterThan(0);
    for (const { base } of alone) expect(masks(base)).not.toContain(true);
    for (const { preference } of pairs) expect(masks(preference)).toContain(false);
  });

  it("reach whole vocabularies now and then", () => {
    const sizes = sample(arbitraries.anyPair, 20_000).map(({ base }) => base.length);
    expect(Math.max(...sizes)).toBeGreaterThan(5000);
    expect(sizes.reduce((sum, size) => sum + size, 0) / sizes.length).toBeLessThan(40);
  });
});

describe("hyperparameters", () => {
  it.each([
    ["policyParameters", arbitraries.policyParameters],
    ["scaleParameters", arbitraries.scaleParameters],
    ["solvableParameters", arbitraries.solvableParameters],
  ])("%s lie below, on and above the critical point α = λ", (_, parameters) => {
    const sides = sample(parameters).map(({ alpha, lambda }) => Math.sign(alpha - lambda));
    expect(new Set(sides)).toEqual(new Set([-1, 0, 1]));
  });

  it("of policies include the paper's settings and α beyond 2λ, with x below 120", () => {
    const drawn = sample(arbitraries.policyParameters, 2000);
    expect(drawn).toContainEqual(oracles.paperParameters);
    expect(drawn.some(({ alpha, lambda }) => alpha > 2 * lambda)).toBe(true);
    for (const parameters of drawn) expect(oracles.guidanceScale(parameters)).toBeLessThan(120);
  });

  it("reach from no utility to ten times λ, from no step to hundreds, over five orders of η", () => {
    const drawn = sample(arbitraries.scaleParameters, 1000);
    const ratios = drawn.map(({ alpha, lambda }) => alpha / lambda);
    expect([Math.min(...ratios), Math.max(...ratios)]).toEqual([0, 10]);
    expect(Math.min(...drawn.map(({ iterations }) => iterations))).toBe(0);
    expect(Math.max(...drawn.map(({ iterations }) => iterations))).toBeGreaterThan(300);
    expect(new Set(drawn.map(({ eta }) => eta)).size).toBe(6);
  });
});

it("histories of utilities have several steps, cut to the vocabulary that they stand beside", () => {
  const history = sample(arbitraries.utilityHistory).find(({ length }) => length === 6)!;
  const rows = arbitraries.utilitiesBeside({ base: [0, 0, 0], preference: [0, 0, 0] }, history);
  expect(rows.map((row) => row.length)).toEqual([3, 3, 3, 3, 3, 3]);
});

describe.each(Object.entries(arbitraries.tinyFamilies))("tiny models: %s", (family, models) => {
  it("have the tensors that their oracle reads, and finite logits", () => {
    for (const model of sample(models, 20)) {
      expect(model.family).toBe(family);
      const logits = oracleLogits(model, [1, 2, 3]);
      expect(logits.flatMap((row) => [...row]).every(Number.isFinite)).toBe(true);
    }
  });

  it("have weights large enough for attention to matter: what came first changes what comes last", () => {
    const moved = sample(models, 40).map((model) => {
      const [one, two] = [oracleLogits(model, [1, 2, 3]), oracleLogits(model, [4, 2, 3])];
      return oracles.totalVariation(oracles.logSoftmax(one[2]!), oracles.logSoftmax(two[2]!));
    });
    // Some have a window that hides it.
    expect(moved.filter((distance) => distance > 0.01).length).toBeGreaterThan(15);
  });

  it("are written as the few numbers that they are made of", () => {
    const text = fc.stringify(sample(models, 1)[0]);
    expect(text).toContain(`tiny ${family} {"seed":`);
    expect(text.length).toBeLessThan(120);
  });
});

it("any family comes up among the cases of a forward law", () => {
  const families = new Set(sample(arbitraries.tinyModel, 100).map(({ family }) => family));
  expect([...families].sort()).toEqual(Object.keys(arbitraries.tinyFamilies).sort());
});
