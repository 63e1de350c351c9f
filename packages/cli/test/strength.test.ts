import { amulet } from "@amulet-ts/testing/cli/fake-io";
import { fc, test } from "@fast-check/vitest";
import { describe, expect, test as it } from "vitest";

interface Strength {
  readonly guidanceScale: number;
  readonly gamma: number;
  readonly alpha: number | null;
  readonly limit?: number | string;
  readonly alternatives: {
    readonly iterations: { readonly value: number; readonly guidanceScale: number } | null;
    readonly lambda: number | null;
    readonly eta: number | null;
  };
}

async function strength(...options: (string | number)[]): Promise<Strength> {
  const { status, stdout } = await amulet(["strength", "--json", ...options.map(String)]);
  expect(status).toBe(0);
  return JSON.parse(stdout) as Strength;
}

/** x at λ = α = 2, η = 10 by T, from the paper's recursion worked out apart (algorithm notes, three decimals). */
const published: readonly (readonly [number, number])[] = [
  [1, 1.952],
  [5, 3.251],
  [20, 4.567],
  [60, 5.649],
  [100, 6.156],
];

describe("from parameters to a strength", () => {
  it.each(published)("T = %d gives x = %d", async (iterations, x) => {
    const found = await strength("--iterations", iterations);
    expect(found.guidanceScale).toBeCloseTo(x, 3);
    expect(found.gamma).toBe(found.guidanceScale - 1);
  });

  it("JSON stays JSON where a number is infinite", async () => {
    expect(await strength("--eta", "inf")).toMatchObject({ eta: "Infinity", limit: "Infinity" });
  });

  it("the limit below the critical point is λ/(λ−α)", async () => {
    expect((await strength("--alpha", 1)).limit).toBe(2);
  });

  it("people read the names that it has elsewhere", async () => {
    const { stdout } = await amulet(["strength"]);
    expect(stdout).toContain("x = 5.648699006951202  classifier-free guidance's guidance_scale");
    expect(stdout).toContain("γ = 4.648699006951202  Linear Alignment's ratio, Context Steering's λ");
  });
});

describe("from a strength back to parameters", () => {
  const scale = fc.double({ min: 1.01, max: 5.6, noNaN: true });
  // Float64 over 60 steps of a recursion, from a root that is exact to the last bits.
  const closeTo = (x: number) => ({ asymmetricMatch: (y: number) => Math.abs(y - x) <= 1e-9 * x });

  test.prop([scale], { numRuns: 25 })("each parameter that is found gives it", async (x) => {
    const { alpha, alternatives } = await strength("--guidance-scale", x);
    const { lambda, eta, iterations } = alternatives;
    const give = async (name: string, value: number | null) =>
      (await strength(`--${name}`, value!)).guidanceScale;
    expect(await give("alpha", alpha)).toEqual(closeTo(x));
    expect(await give("lambda", lambda)).toEqual(closeTo(x));
    expect(await give("eta", eta)).toEqual(closeTo(x));
    expect(await give("iterations", iterations!.value)).toBe(iterations!.guidanceScale);
  });

  test.prop([scale], { numRuns: 25 })("no other whole number of iterations comes nearer", async (x) => {
    const { value, guidanceScale } = (await strength("--guidance-scale", x)).alternatives.iterations!;
    for (const other of [Math.max(0, value - 1), value + 1]) {
      const neighbour = (await strength("--iterations", other)).guidanceScale;
      expect(Math.abs(guidanceScale - x)).toBeLessThanOrEqual(Math.abs(neighbour - x));
    }
  });

  it("what no parameter gives is said in a sentence", async () => {
    expect((await amulet(["strength", "--guidance-scale", "6"])).stdout).toMatch(
      /--eta +none; even η = Infinity gives x = 5\.68/,
    );
    expect((await amulet(["strength", "--guidance-scale", "0.5"])).stdout).toMatch(
      /No T, α, λ, η give this: .* between the base prompt \(0\) and the preference prompt \(1\)/,
    );
    expect(await strength("--guidance-scale", 0.5)).toMatchObject({
      alpha: null,
      alternatives: { iterations: null, alpha: null, lambda: null, eta: null },
    });
  });

  it("x = 1 is where the loop starts: no iteration, or no utility", async () => {
    expect(await strength("--guidance-scale", 1)).toMatchObject({
      alpha: 0,
      alternatives: { iterations: { value: 0, guidanceScale: 1 } },
    });
  });
});
