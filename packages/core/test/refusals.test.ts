/** What is refused, under which code, in which words: the sentence says what was expected and what came. */

import { withoutLeaks } from "@amulet-ts/testing/backends/no-leaks";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, test } from "vitest";
import {
  alphaFor,
  amuletExactMethod,
  boundedMethod,
  CoreError,
  type CoreErrorCode,
  checkParameters,
  chooseGreedily,
  createChooser,
  etaFor,
  extrapolate,
  guidanceMethod,
  iterationsFor,
  lambdaFor,
  paperParameters,
  type SamplingOptions,
  strengthNames,
  strengthSchedule,
  withPlausibility,
} from "../src/index.js";

function expectRefusal(run: () => unknown, code: CoreErrorCode, message: string): void {
  let thrown: unknown;
  try {
    run();
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(CoreError);
  expect(thrown).toMatchObject({ name: "CoreError", code, message });
}

const pastFloat32 = (scale: number) =>
  "The guidance scale (x) must be a number within ±1000000, past which float32's roundings decide and not the " +
  `preference; it is ${scale}. Lower it, or alpha (α) or iterations (T) that it comes from, or raise lambda (λ).`;

describe("strengths", () => {
  test.each([
    [{ iterations: -1 }, "iterations (T) must be a whole number from 0 to 1000000; it is -1."],
    [{ iterations: 0.5 }, "iterations (T) must be a whole number from 0 to 1000000; it is 0.5."],
    [{ iterations: 1e9 }, "iterations (T) must be a whole number from 0 to 1000000; it is 1000000000."],
    [{ alpha: -0.5 }, "alpha (α) must be a finite number of at least 0; it is -0.5."],
    [{ alpha: Number.POSITIVE_INFINITY }, "alpha (α) must be a finite number of at least 0; it is Infinity."],
    [{ lambda: -2 }, "lambda (λ) must be a finite number of at least 0; it is -2."],
    [{ lambda: Number.NaN }, "lambda (λ) must be a finite number of at least 0; it is NaN."],
    [{ eta: 0 }, "eta (η) must be a number above 0, or Infinity; it is 0."],
    [{ eta: Number.NaN }, "eta (η) must be a number above 0, or Infinity; it is NaN."],
    [
      { lambda: 0, eta: Number.POSITIVE_INFINITY },
      "lambda (λ) = 0 together with eta (η) = Infinity leaves the policy unregularised: the step would divide by zero. Give λ > 0 or a finite η.",
    ],
  ])("%o", (change, message) => {
    const parameters = { ...paperParameters, ...change };
    expectRefusal(() => checkParameters(parameters), "bad-strength", message);
    expectRefusal(() => amuletExactMethod(parameters), "bad-strength", message);
  });

  test("a weight of 0 and an infinite η are no mistakes", () => {
    for (const change of [
      { alpha: 0 },
      { lambda: 0 },
      { iterations: 0 },
      { eta: Number.POSITIVE_INFINITY },
    ]) {
      const parameters = { ...paperParameters, ...change };
      expect(checkParameters(parameters)).toBe(parameters);
    }
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY, 1e300, -1_000_001])("the guidance scale %s", (scale) => {
    expectRefusal(() => guidanceMethod(scale), "bad-strength", pastFloat32(scale));
  });

  test.each([
    [{}, "nothing"],
    [{ gamma: 1, guidanceScale: 2 }, "gamma 1, guidanceScale 2"],
    [{ gamma: Number.POSITIVE_INFINITY }, "gamma Infinity"],
    [{ strength: 2 } as object, "strength 2"],
  ])("the names %o", (known, came) => {
    const message = `Give the strength once, as a finite number under one of its names; what came is ${came}.`;
    expectRefusal(() => strengthNames(known), "bad-strength", message);
  });

  test("a name without a value does not count as given", () => {
    const known = { gamma: 2, guidanceScale: undefined } as unknown as { gamma: number };
    expect(strengthNames(known).guidanceScale).toBe(3);
  });
});

describe("strengths that nothing gives", () => {
  const below =
    "Amulet starts at the preference prompt, x = 1, and only goes on from there. Decode with the guidance scale itself, which may be any finite number.";
  const remedy = "Raise alpha (α), lower lambda (λ), or decode with the guidance scale itself.";
  const change = "Change another of the parameters, or decode with the guidance scale itself.";

  test.each([
    ["α below x = 1", () => alphaFor(0.5, paperParameters), `No T, α, λ, η give x = 0.5: ${below}`],
    [
      "T of an infinite x",
      () => iterationsFor(Number.POSITIVE_INFINITY, paperParameters),
      `No T, α, λ, η give x = Infinity: ${below}`,
    ],
    [
      "T past the limit",
      () => iterationsFor(2, { ...paperParameters, alpha: 1 }),
      `x = 2 is out of reach: x tends to 2 as T (iterations) grows. ${remedy}`,
    ],
    [
      "α without steps",
      () => alphaFor(2, { ...paperParameters, iterations: 0 }),
      `No alpha (α) gives x = 2 with iterations = 0, alpha = 2, lambda = 2, eta = 10. ${change}`,
    ],
    [
      "λ without utility",
      () => lambdaFor(2, { iterations: 60, alpha: 0, eta: 10 }),
      `No lambda (λ) gives x = 2 with iterations = 60, alpha = 0, eta = 10. ${change}`,
    ],
    [
      "η beyond what Infinity gives",
      () => etaFor(100, { iterations: 60, alpha: 2, lambda: 2 }),
      `No eta (η) gives x = 100 with iterations = 60, alpha = 2, lambda = 2. ${change}`,
    ],
  ])("%s", (_, run, message) => {
    expectRefusal(run, "bad-strength", message);
  });
});

describe("sampling", () => {
  const whole = "a whole number of at least 0";
  const share = "between 0 and 1";

  test.each<[SamplingOptions, string]>([
    [{ minNewTokens: -1 }, `minNewTokens must be ${whole}; it is -1.`],
    [{ minNewTokens: 0.5 }, `minNewTokens must be ${whole}; it is 0.5.`],
    [{ repetitionPenalty: 0 }, "repetitionPenalty must be a finite number above 0; it is 0."],
    [{ repetitionPenalty: -1 }, "repetitionPenalty must be a finite number above 0; it is -1."],
    [
      { repetitionPenalty: Number.POSITIVE_INFINITY },
      "repetitionPenalty must be a finite number above 0; it is Infinity.",
    ],
    [{ presencePenalty: Number.NaN }, "presencePenalty must be a finite number; it is NaN."],
    [{ temperature: -0.5 }, "temperature must be a finite number of at least 0; it is -0.5."],
    [
      { temperature: Number.POSITIVE_INFINITY },
      "temperature must be a finite number of at least 0; it is Infinity.",
    ],
    [{ topK: -1 }, `topK must be ${whole}; it is -1.`],
    [{ topK: 1.5 }, `topK must be ${whole}; it is 1.5.`],
    [{ topP: 0 }, "topP must be above 0 and at most 1; it is 0."],
    [{ topP: 1.01 }, "topP must be above 0 and at most 1; it is 1.01."],
    [{ minP: -0.01 }, `minP must be ${share}; it is -0.01.`],
    [{ minP: 1.01 }, `minP must be ${share}; it is 1.01.`],
    [{ seed: 0.5 }, "seed must be a whole number; it is 0.5."],
  ])("%o", (options, message) => {
    expectRefusal(() => createChooser(options), "bad-sampling", message);
  });

  test("what lies on the edge of a range is taken", () => {
    const edges: SamplingOptions[] = [
      { temperature: 0, topK: 0, topP: 1, minP: 0, minNewTokens: 0, seed: -3 },
      { minP: 1, topP: 1e-9, repetitionPenalty: 1e-9, presencePenalty: -5 },
    ];
    for (const options of edges) expect(createChooser(options)).toBeTypeOf("function");
  });

  test("a policy that is none, and one of which nothing is left", () => {
    const context = { generated: [], endTokens: new Set<number>() };
    const policy = (...values: number[]) => Float32Array.from(values);
    const damaged =
      "The policy over 2 tokens holds NaN or no possible token. The model's logits are not numbers: its weights may be damaged, or memory ran out.";
    for (const values of [
      [Number.NaN, 0],
      [0, Number.NaN],
      [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY],
      [0, Number.POSITIVE_INFINITY],
    ]) {
      expectRefusal(() => chooseGreedily(policy(...values), context), "not-finite", damaged);
      expectRefusal(() => createChooser()(policy(...values), context), "not-finite", damaged);
    }
    const banned = createChooser({ bannedTokens: [0, 1] });
    const nothing = "No token is left to choose: bannedTokens and minNewTokens forbid all that are possible.";
    expectRefusal(() => banned(policy(-1, -2), context), "bad-sampling", nothing);
  });
});

describe("schedules", () => {
  const remedy = 'Write it like "1:0..8, 5.6:8..": x = 1 for the first eight tokens, 5.6 from then on.';

  test.each([
    ["fast:0..", '"fast:0.." is none: a part is a strength and the tokens it holds for'],
    ["1:0..0, 5:0..", '"1:0..0" ends before it begins'],
    ["1:0..8, 5:7..", '"1:0..8" and "5:7.." overlap'],
    ["1:0..8, 5:9..", 'no part holds for the tokens between "1:0..8" and "5:9.."'],
    ["1:2..", 'no part holds for the tokens before "1:2.."'],
    ["1:0..8", 'no part holds for the tokens after "1:0..8"; leave its end open'],
  ])("%j", (text, what) => {
    const message = `In the strength schedule, ${what}. ${remedy}`;
    expectRefusal(() => strengthSchedule(text), "bad-strength", message);
  });
});

test.each([0, -1, 1.5, Number.NaN])("the plausibility %s", (p) => {
  const message = `The plausibility must be above 0 and at most 1; it is ${p}.`;
  expectRefusal(() => withPlausibility(guidanceMethod(2), p), "bad-strength", message);
});

test.each([
  [-0.1, 4, "The KL budget, in nats, must be a finite number of at least 0; it is -0.1."],
  [
    Number.POSITIVE_INFINITY,
    4,
    "The KL budget, in nats, must be a finite number of at least 0; it is Infinity.",
  ],
  [0.1, -1, "The largest γ must be at least 0 and below 1000000; it is -1."],
  [0.1, Number.NaN, "The largest γ must be at least 0 and below 1000000; it is NaN."],
])("the budget %s with γ up to %s", (nats, largestGamma, message) => {
  expectRefusal(() => boundedMethod(nats, largestGamma), "bad-strength", message);
});

describe("policies of different shapes", () => {
  withoutLeaks("cpu");

  test.each([
    [
      [1, 3],
      [1, 4],
    ],
    [
      [1, 3],
      [2, 3],
    ],
    [
      [2, 3],
      [1, 3],
    ],
  ] as const)("[%s] and [%s]", (base, preference) => {
    const message = `Policies must have the same rows and vocabulary; logBase_BV is [${base}], logPreference_BV is [${preference}].`;
    const run = () => tf.tidy(() => extrapolate(tf.zeros([...base]), tf.zeros([...preference]), 1));
    expectRefusal(run, "shape-mismatch", message);
  });
});
