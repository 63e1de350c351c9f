/** Laws of x, the one number that T steps amount to. */
import fc from "fast-check";
import { scaleParameters } from "../arbitraries/parameters.js";
import { paperParameters } from "../oracles/amulet.js";
import { fixedPoint, guidanceScale } from "../oracles/strength.js";
import { defineLaw, type Law } from "./law.js";
import { scaleBound } from "./tolerance.js";

const byDefinition = defineLaw({
  name: "scale-by-definition",
  statement: "x is the exponent of the preference policy after T closed-form steps.",
  needs: ["guidanceScale"],
  cases: scaleParameters,
  judge(subject, parameters) {
    const expected = guidanceScale(parameters);
    const error = Math.abs(subject.guidanceScale(parameters) / expected - 1);
    return { error, tolerance: 2 * scaleBound(parameters.iterations) };
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
  cases: fc.constantFrom(...publishedScales),
  judge(subject, [iterations, expected]) {
    const scale = subject.guidanceScale({ ...paperParameters, iterations });
    return { error: Math.abs(scale - expected), tolerance: 0.0005 };
  },
});

const homogeneous = defineLaw({
  name: "scale-homogeneous",
  statement: "Only the ratios of α, λ and 1/η matter: all three times s give the same x.",
  needs: ["guidanceScale"],
  cases: fc.record({ parameters: scaleParameters, scale: fc.constantFrom(2, 3, 10, 0.1) }),
  judge(subject, { parameters, scale }) {
    const { iterations, alpha, lambda, eta } = parameters;
    const scaled = { iterations, alpha: alpha * scale, lambda: lambda * scale, eta: eta / scale };
    const error = Math.abs(subject.guidanceScale(scaled) / subject.guidanceScale(parameters) - 1);
    return { error, tolerance: 2 * scaleBound(iterations) };
  },
});

const identities = defineLaw({
  name: "scale-starts-at-one",
  statement: "Without steps (T = 0) or without utility (α = 0) x is 1: the preference policy itself.",
  needs: ["guidanceScale"],
  cases: fc.record({ parameters: scaleParameters, without: fc.constantFrom("iterations", "alpha") }),
  judge(subject, { parameters, without }) {
    const error = Math.abs(subject.guidanceScale({ ...parameters, [without]: 0 }) - 1);
    return { error, tolerance: scaleBound(parameters.iterations) };
  },
});

const rising = defineLaw({
  name: "scale-rises",
  statement: "One more step never makes the preference weaker.",
  needs: ["guidanceScale"],
  cases: scaleParameters,
  judge(subject, parameters) {
    const now = subject.guidanceScale(parameters);
    const next = subject.guidanceScale({ ...parameters, iterations: parameters.iterations + 1 });
    return { error: Math.max(0, 1 - next / now), tolerance: 2 * scaleBound(parameters.iterations + 1) };
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
  judge(subject, { ratio, lambda, eta }) {
    const at = (iterations: number) =>
      subject.guidanceScale({ iterations, alpha: ratio * lambda, lambda, eta });
    const [early, late] = [1000, 4000] as const;
    if (ratio === 1) return { error: Math.abs(at(late) - at(early) - Math.log(4)), tolerance: 4 / early };
    const centre = fixedPoint({ alpha: ratio * lambda, lambda });
    const slope = Math.log((at(late) - centre) / (at(early) - centre)) / Math.log(4);
    // Corrections to the power are of relative order 1/T; 1/(ηλ) of them at η = 1, λ = 1/2.
    return { error: Math.abs(slope - (ratio - 1)), tolerance: (4 + 4 / (eta * lambda)) / early };
  },
});

/** All of them. */
export const strengthLaws: readonly Law[] = [
  byDefinition,
  asPublished,
  homogeneous,
  identities,
  rising,
  growth,
];
