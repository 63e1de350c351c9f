import { guidanceTrajectory, paperParameters } from "@amulet-ts/core";
import { amulet, type Surroundings, tinyModel } from "@amulet-ts/testing/cli/fake-io";
import stringWidth from "string-width";
import { describe, expect, test } from "vitest";
import { plotCurves } from "../src/terminal/plot.js";

const asked = ["What is the answer?", "--preference", "Be brief."];
const inspect = (words: readonly string[], around: Surroundings = {}) =>
  amulet(["inspect", ...asked, ...words, "--model", tinyModel], around);

interface View {
  readonly id: number;
  readonly baseProbability: number;
  readonly preferenceProbability: number;
  readonly probability: number;
  readonly delta: number;
}

interface Inspection {
  readonly position: number;
  readonly before: { readonly ids: number[] };
  readonly token: View & { readonly klFromBase: number; readonly klFromPreference: number };
  readonly candidates: View[];
  readonly trajectory: {
    readonly t: number;
    readonly guidanceScale: number;
    readonly probabilities: number[];
    readonly klFromBase: number;
    readonly klFromPreference: number;
  }[];
  readonly guidanceScale: number;
  readonly limit: number | string;
}

async function json(...words: string[]): Promise<Inspection> {
  const { status, stdout, stderr } = await inspect([...words, "--json"]);
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  return JSON.parse(stdout) as Inspection;
}

interface Generated {
  readonly ids: number[];
  readonly tokens: Inspection["token"][];
}

async function explained(length: number): Promise<Generated> {
  const words = [
    "generate",
    ...asked,
    "--method",
    "amulet",
    "--max-new-tokens",
    String(length),
    "--explain",
    "--json",
  ];
  return JSON.parse((await amulet([...words, "--model", tinyModel])).stdout) as Generated;
}

describe("inspect", () => {
  test("from iteration 0 to T the dial is the trajectory, 5.648699006951202 at its end", async () => {
    const { trajectory, guidanceScale, limit } = await json();
    expect(trajectory.map(({ guidanceScale: x }) => x)).toEqual(guidanceTrajectory(paperParameters));
    expect({ guidanceScale, limit }).toEqual({ guidanceScale: 5.648699006951202, limit: "Infinity" });
    expect((await inspect([])).stdout).toContain("x = 5.648699006951202");
    expect((await json("--alpha", "1", "--lambda", "3")).limit).toBe(1.5);
  });

  test("every iterate lies on the curve from base through preference policy", async () => {
    const { trajectory, candidates } = await json();
    const [a, b] = candidates;
    const odds = ({ probabilities }: Inspection["trajectory"][number]) =>
      Math.log(probabilities[0]! / probabilities[1]!);
    const base = Math.log(a!.baseProbability / b!.baseProbability);
    for (const row of trajectory) {
      // Log-odds of two candidates are linear in x; float32 logits and sixty float32 steps of the loop.
      expect(odds(row)).toBeCloseTo(base + row.guidanceScale * (a!.delta - b!.delta), 3);
    }
    for (const [i, { preferenceProbability, probability }] of candidates.entries()) {
      expect(trajectory[0]!.probabilities[i]).toBeCloseTo(preferenceProbability, 6);
      expect(trajectory.at(-1)!.probabilities[i]).toBeCloseTo(probability, 6);
    }
  });

  test("the drift from the preference policy starts at 0 and only grows", async () => {
    const { trajectory, token } = await json();
    expect(trajectory[0]!.klFromPreference).toBe(0);
    for (const [t, { klFromPreference }] of trajectory.slice(1).entries()) {
      expect(klFromPreference).toBeGreaterThan(trajectory[t]!.klFromPreference);
    }
    // A float32 sum beside a float64 one.
    expect(trajectory.at(-1)!.klFromPreference).toBeCloseTo(token.klFromPreference, 4);
    expect(trajectory.at(-1)!.klFromBase).toBeCloseTo(token.klFromBase, 4);
  });

  test("--at N is the token that generate takes there, seen the same way", async () => {
    const { ids, tokens } = await explained(5);
    for (const at of [0, 3]) {
      const { position, before, token } = await json("--at", String(at));
      expect({ position, before: before.ids }).toMatchObject({ position: at, before: ids.slice(0, at) });
      expect(token.id).toBe(ids[at]);
      expect(token.baseProbability).toBeCloseTo(tokens[at]!.baseProbability, 6);
      // The loop beside its collapsed form.
      expect(token.probability).toBeCloseTo(tokens[at]!.probability, 4);
    }
  });

  test("people see candidates, iterations and a plot within their terminal", async () => {
    const { stdout } = await inspect([], { isTTY: true, columns: 80 });
    expect(stdout).toMatch(/candidate +base +pref +final +Δ +ranks/);
    expect(stdout).toMatch(/t +x +KL base +KL pref +a +b +c +d/);
    expect(stdout).toContain("probability over iterations");
    for (const line of stdout.split("\n")) expect(stringWidth(line)).toBeLessThanOrEqual(80);
    expect((await inspect([])).stdout).not.toContain("\x1b");
  });

  test("T = 0 is the preference policy alone", async () => {
    const { trajectory, guidanceScale } = await json("--iterations", "0");
    expect(trajectory).toHaveLength(1);
    expect(guidanceScale).toBe(1);
    expect((await inspect(["--iterations", "0"])).status).toBe(0);
  });
});

test("a plot puts the highest value on top, 0 at the bottom, the first curve in front", () => {
  const curves = [
    { mark: "a", values: [0, 0.5, 1] },
    { mark: "b", values: [1, 0.5, 0] },
  ];
  expect(plotCurves(curves, { width: 10, height: 3 })).toEqual([
    "100.0 % ┤b a",
    " 50.0 % ┤ a",
    "  0.0 % ┤a b",
    "        └───",
    "         0 2",
  ]);
});
