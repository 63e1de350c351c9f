import { readFileSync } from "node:fs";
import { amulet } from "@amulet-ts/testing/cli/fake-io";
import { fixture } from "@amulet-ts/testing/reference/fixture";
import { describe, expect, test } from "vitest";

const small = { baseLogits: [[0, 1, 2]], preferenceLogits: [[2, 1, 0]] };

interface Output {
  readonly policy: number[][];
  readonly guidanceScale: number;
  readonly trajectory?: number[][][];
  readonly guidanceScales?: number[];
}

async function policy(input: object, ...options: string[]): Promise<Output> {
  const { status, stdout, stderr } = await amulet(["policy", "--input", "-", ...options], {
    input: JSON.stringify(input),
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  return JSON.parse(stdout) as Output;
}

/** π_base^(1−x) · π_pref^x, normalised, in float64. */
function oracle(base: readonly number[], preference: readonly number[], x: number): number[] {
  const scores = base.map((logit, i) => (1 - x) * logit + x * preference[i]!);
  const most = Math.max(...scores);
  const weights = scores.map((score) => Math.exp(score - most));
  const sum = weights.reduce((a, b) => a + b, 0);
  return weights.map((weight) => weight / sum);
}

/** Float32 log-probabilities of this size are off by some 1e-6, and x multiplies that. */
const digits = 5;

function expectClose(found: readonly number[], wanted: readonly number[]): void {
  expect(found).toHaveLength(wanted.length);
  for (const [i, value] of wanted.entries()) expect(found[i]).toBeCloseTo(value, digits);
}

test("the policy is the geometric extrapolation by x", async () => {
  const { policy: found, guidanceScale } = await policy(small);
  expect(guidanceScale).toBeCloseTo(5.648699, 6);
  expectClose(found[0]!, oracle(small.baseLogits[0]!, small.preferenceLogits[0]!, guidanceScale));
});

test("options go before the file, the file before the paper", async () => {
  const file = { ...small, iterations: 1, alpha: 1 };
  const scales = await Promise.all([
    policy(file),
    policy(file, "--alpha", "2"),
    policy(file, "--guidance-scale", "-0.5"),
  ]);
  // One step: x = (λ + α + 1/η) / (λ + 1/η).
  const wanted = [3.1 / 2.1, 4.1 / 2.1, -0.5];
  for (const [i, { guidanceScale }] of scales.entries()) expect(guidanceScale).toBeCloseTo(wanted[i]!, 12);
});

test("the trajectory runs from the preference policy to the policy, along x", async () => {
  const output = await policy(small, "--trajectory", "--iterations", "5");
  expect(output.trajectory).toHaveLength(6);
  for (const [t, iterate] of output.trajectory!.entries()) {
    const x = output.guidanceScales![t]!;
    expectClose(iterate[0]!, oracle(small.baseLogits[0]!, small.preferenceLogits[0]!, x));
  }
  expect(output.guidanceScales).toHaveLength(6);
  expectClose(output.trajectory!.at(-1)![0]!, output.policy[0]!);
});

test("a token with −∞ in both rows has probability zero, written as null or as text", async () => {
  const input = { baseLogits: [[0, null, 2]], preferenceLogits: [[2, "-Infinity", 0]] };
  const { policy: found } = await policy(input);
  expect(found[0]![1]).toBe(0);
  expectClose([found[0]![0]!, found[0]![2]!], oracle([0, 2], [2, 0], 5.648699006951202));
});

const bad: readonly (readonly [string, RegExp])[] = [
  ["{", /standard input is not JSON/],
  ["[]", /must be an object with baseLogits and preferenceLogits/],
  ["{}", /baseLogits is missing/],
  ['{"baseLogits": [1, 2]}', /baseLogits must be rows of logits/],
  ['{"baseLogits": [[1, 2]]}', /preferenceLogits is missing/],
  ['{"baseLogits": [[1, 2], [1]]}', /baseLogits\[1\] has 1 logits, the first row 2/],
  ['{"baseLogits": [[]]}', /baseLogits\[0\] is empty/],
  ['{"baseLogits": [[null, null]]}', /baseLogits\[0\] leaves no token possible/],
  ['{"baseLogits": [[1, "2"]]}', /baseLogits\[0\]\[1\] must be a number .* it is "2"/],
  ['{"baseLogits": [[1, 1e39]]}', /baseLogits\[0\]\[1\] must be a number in float32's range/],
  ['{"baseLogits": [[1, 2]], "preferenceLogits": [[1]]}', /the same shape; they have \[1, 2\] and \[1, 1\]/],
  ['{"baseLogits": [[1]], "preferenceLogits": [[1]], "alpha": "2"}', /alpha must be a number; it is "2"/],
  ['{"baselogits": [[1]]}', /has a field "baselogits"; known are baseLogits/],
];

test.each(bad)("%s is refused in a sentence", async (input, sentence) => {
  const { status, stdout, stderr } = await amulet(["policy", "--input", "-"], { input });
  expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
  expect(stderr).toMatch(sentence);
});

test("a strength that is none is wrong usage, wherever it stands", async () => {
  const input = JSON.stringify({ ...small, lambda: 0, eta: "Infinity" });
  expect(await amulet(["policy", "--input", "-"], { input })).toMatchObject({ status: 2 });
});

describe("on the fixtures", () => {
  interface Run {
    readonly iterations: number;
    readonly alpha: number;
    readonly lambda: number;
    readonly eta: number;
    readonly base_logits: number[][];
    readonly preference_logits: number[][];
    readonly policy: number[][];
  }

  test("the published code's policies come out", async () => {
    const path = fixture("checkpoints/llama-gqa-tied/amulet.json");
    const { runs } = JSON.parse(readFileSync(path, "utf8")) as { runs: Run[] };
    for (const { iterations, alpha, lambda, eta, ...run } of runs) {
      const parameters = { iterations, alpha, lambda, eta };
      const logits = { baseLogits: run.base_logits, preferenceLogits: run.preference_logits };
      const { policy: found } = await policy({ ...logits, ...parameters });
      for (const [row, wanted] of run.policy.entries()) expectClose(found[row]!, wanted);
    }
  });
});
