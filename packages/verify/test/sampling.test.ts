/** The tails that draws are judged by, against the definition and against a sampler that is off in one rare token. */
import { algorithmLaws, createSubject, tailOf } from "@amulet-ts/verify";
import { describe, expect, it } from "vitest";

/** P(K = k) by multiplying out, for few trials. */
function mass(k: number, trials: number, p: number): number {
  let ways = 1;
  for (let i = 0; i < k; i++) ways = (ways * (trials - i)) / (i + 1);
  return ways * p ** k * (1 - p) ** (trials - k);
}

describe("an exact tail", () => {
  it.each([0.05, 0.3, 0.5, 0.9])("is the sum of the binomial's masses on its side, p = %d", (p) => {
    const trials = 12;
    for (let seen = 0; seen <= trials; seen++) {
      const masses = Array.from({ length: trials + 1 }, (_, k) => mass(k, trials, p));
      const side = seen >= trials * p ? masses.slice(seen) : masses.slice(0, seen + 1);
      const due = side.reduce((sum, value) => sum + value, 0);
      if (seen !== trials * p) expect(tailOf(seen, trials, p)).toBeCloseTo(due, 12);
    }
  });

  it("accuses 420 draws where 0.8 are due, and not 3", () => {
    expect(tailOf(420, 4000, 0.8 / 4000)).toBeLessThan(1e-300);
    expect(tailOf(3, 4000, 0.8 / 4000)).toBeGreaterThan(0.04);
  });

  it("is that of Poisson where 5 are due: 21 draws are seen once in 12 million runs", () => {
    expect(tailOf(21, 4000, 5 / 4000)).toBeGreaterThan(7e-8);
    expect(tailOf(21, 4000, 5 / 4000)).toBeLessThan(9e-8);
  });
});

it("a rare token that is drawn a tenth of the time breaks the law, however few tokens there are", async () => {
  const law = algorithmLaws.find(({ name }) => name === "sampling-frequencies")!;
  const honest = createSubject("honest");
  const subject = {
    name: "one in ten",
    unitRoundoff: 2 ** -53,
    sample(logPolicy: ArrayLike<number>, options: { count: number; seed: number }) {
      const values = Float64Array.from(logPolicy);
      const rarest = values.indexOf(Math.min(...values));
      const draws = honest.sample(logPolicy, options) as number[];
      return values.length < 2 ? draws : draws.map((token, i) => (i % 10 === 0 ? rarest : token));
    },
  };
  const { outcome } = await law.check(subject, { runs: 20, seed: 1 });
  expect(outcome).toBe("broken");
});
