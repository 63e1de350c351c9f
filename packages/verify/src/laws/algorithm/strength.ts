/** Laws of x, the one number that T steps amount to. */
import fc from "fast-check";
import { gammaValue, scaleParameters, solvableParameters } from "../../arbitraries/parameters.js";
import { paperParameters } from "../../oracles/amulet.js";
import { fixedPoint, fromGamma, guidanceScale } from "../../oracles/strength.js";
import { defineLaw, type Law } from "../law.js";
import { compareNumbers, compareRatio, scaleBound, worstOf } from "../tolerance.js";

const byDefinition = defineLaw({
  name: "scale-by-definition",
  statement: "x is the exponent of the preference policy after T closed-form steps.",
  needs: ["guidanceScale"],
  cases: scaleParameters,
  async judge(subject, parameters) {
    const tolerance = 2 * scaleBound(parameters.iterations);
    return compareRatio("x", await subject.guidanceScale(parameters), guidanceScale(parameters), tolerance);
  },
});

/** T → x at the paper's α, λ, η, from the published recursion in float64. */
const publishedScales = [
  [1, 1.952],
  [2, 2.463],
  [5, 3.251],
  [10, 3.898],
  [20, 4.567],
  [40, 5.247],
  [60, 5.649],
  [100, 6.156],
] as const;

const asPublished = defineLaw({
  name: "scale-as-published",
  statement: "At the paper's settings x has the values of its table, to the three digits printed.",
  needs: ["guidanceScale"],
  cases: fc.constantFrom(...publishedScales.map(([iterations, expected]) => ({ iterations, expected }))),
  async judge(subject, { iterations, expected }) {
    return compareNumbers(
      "x",
      await subject.guidanceScale({ ...paperParameters, iterations }),
      expected,
      0.0005,
    );
  },
});

const homogeneous = defineLaw({
  name: "scale-homogeneous",
  statement: "Only the ratios of α, λ and 1/η matter: all three times s give the same x.",
  needs: ["guidanceScale"],
  cases: fc.record({ parameters: scaleParameters, scale: fc.constantFrom(2, 3, 10, 0.1) }),
  async judge(subject, { parameters, scale }) {
    const { iterations, alpha, lambda, eta } = parameters;
    const scaled = { iterations, alpha: alpha * scale, lambda: lambda * scale, eta: eta / scale };
    const got = await subject.guidanceScale(scaled);
    const expected = await subject.guidanceScale(parameters);
    return compareRatio("x of the scaled parameters", got, expected, 2 * scaleBound(iterations));
  },
});

const identities = defineLaw({
  name: "scale-starts-at-one",
  statement: "Without steps (T = 0) or without utility (α = 0) x is 1: the preference policy itself.",
  needs: ["guidanceScale"],
  cases: fc.record({ parameters: scaleParameters, without: fc.constantFrom("iterations", "alpha") }),
  async judge(subject, { parameters, without }) {
    const got = await subject.guidanceScale({ ...parameters, [without]: 0 });
    return compareNumbers("x", got, 1, scaleBound(parameters.iterations));
  },
});

const rising = defineLaw({
  name: "scale-rises",
  statement: "One more step never makes the preference weaker.",
  needs: ["guidanceScale"],
  cases: scaleParameters,
  async judge(subject, parameters) {
    const now = await subject.guidanceScale(parameters);
    const next = await subject.guidanceScale({ ...parameters, iterations: parameters.iterations + 1 });
    const compared = { what: "x one step later", expected: `at least ${now}`, got: next };
    const tolerance = 2 * scaleBound(parameters.iterations + 1);
    return { error: Math.max(0, 1 - next / now), tolerance, compared };
  },
});

const belowFixedPoint = defineLaw({
  name: "scale-below-its-fixed-point",
  statement:
    "While α < λ, x lies between 1 and λ/(λ−α), the fixed point of its recursion, whatever T and η; as λ → ∞ both are 1.",
  needs: ["guidanceScale"],
  cases: fc.record({
    parameters: scaleParameters,
    ratio: fc.constantFrom(0.5, 0.25, 0.75, 0.1, 0.9, 0.001, 1e-6, 1e-9),
  }),
  async judge(subject, { parameters, ratio }) {
    const lambda = parameters.lambda;
    const centre = fixedPoint({ alpha: ratio * lambda, lambda });
    const got = await subject.guidanceScale({ ...parameters, alpha: ratio * lambda });
    const outside = Math.max(1 - got, got / centre - 1);
    const compared = { what: "x", expected: `between 1 and ${centre}`, got };
    const error = Number.isNaN(got) ? got : Math.max(0, outside);
    return { error, tolerance: 2 * scaleBound(parameters.iterations), compared };
  },
});

const growth = defineLaw({
  name: "scale-growth",
  statement: "x leaves, or nears, λ/(λ−α) as T^(α/λ−1); at α = λ it grows as log T.",
  needs: ["guidanceScale"],
  cases: fc.record({
    ratio: fc.constantFrom(1, 0.25, 0.5, 0.75, 1.25, 1.5, 2),
    lambda: fc.constantFrom(2, 1, 0.5, 4),
    eta: fc.constantFrom(10, 1, 100),
  }),
  async judge(subject, { ratio, lambda, eta }) {
    const at = (iterations: number) =>
      subject.guidanceScale({ iterations, alpha: ratio * lambda, lambda, eta });
    const early = 1000;
    const [first, last] = [await at(early), await at(4 * early)];
    if (ratio === 1) {
      return compareNumbers("x(4000) − x(1000)", last - first, Math.log(4), 4 / early);
    }
    const centre = fixedPoint({ alpha: ratio * lambda, lambda });
    const slope = Math.log((last - centre) / (first - centre)) / Math.log(4);
    // Corrections to the power are of relative order 1/T; 1/(ηλ) of them at η = 1, λ = 1/2.
    return compareNumbers("power of T", slope, ratio - 1, (4 + 4 / (eta * lambda)) / early);
  },
});

const strengthNames = ["guidanceScale", "gamma", "linearAlignmentRatio", "contextSteeringLambda"] as const;

const namesAgree = defineLaw({
  name: "strength-names-agree",
  statement:
    "Guidance scale x, γ = x − 1, Linear Alignment's ratio and Context Steering's λ: from each name all the others.",
  needs: ["strengthNames"],
  cases: fc.record({ gamma: gammaValue, known: fc.constantFrom(...strengthNames) }),
  async judge(subject, { gamma, known }) {
    const expected = fromGamma(gamma);
    const got = await subject.strengthNames({ [known]: expected[known] });
    // Quarters up to 9: exact in any type.
    return worstOf(strengthNames.map((name) => compareNumbers(name, got[name], expected[name], 0)));
  },
});

const solved = defineLaw({
  name: "strength-solved",
  statement: "A parameter solved for from a strength x gives x again.",
  needs: ["solveStrength"],
  cases: fc.record({
    parameters: solvableParameters,
    name: fc.constantFrom("alpha", "lambda", "eta", "iterations"),
  }),
  async judge(subject, { parameters, name }) {
    // Just below x, so that rounding does not push it past what the parameter can reach.
    const scale = guidanceScale(parameters) * (1 - 4 * scaleBound(parameters.iterations));
    const value = await subject.solveStrength(name, scale, parameters);
    const got = guidanceScale({ ...parameters, [name]: value });
    // x is a quotient of polynomials of degree T in each parameter, so it follows a rounding of one T-fold at most.
    return compareRatio(`x at ${name} = ${value}`, got, scale, 8 * scaleBound(parameters.iterations));
  },
});

/** All of them. */
export const strengthLaws: readonly Law[] = [
  byDefinition,
  asPublished,
  homogeneous,
  identities,
  rising,
  belowFixedPoint,
  growth,
  namesAgree,
  solved,
];
