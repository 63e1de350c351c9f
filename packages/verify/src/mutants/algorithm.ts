/** Faults that one could make in Amulet, each with a law that must notice. */
import type { AlgorithmOperations, AlgorithmSubject } from "../subject.js";
import { toBfloat16 } from "./bfloat16.js";
import { createSubject, normaliseScores, rightSeams, type Seams, shorten } from "./reference.js";

/** A planted fault. */
export interface Mutant {
  readonly name: string;
  /** What was done, in a few words. */
  readonly fault: string;
  /** The name of a law that breaks on it. */
  readonly caughtBy: string;
  readonly subject: AlgorithmSubject & AlgorithmOperations;
}

function plant(name: string, fault: string, caughtBy: string, seams: Partial<Seams>): Mutant {
  return { name, fault, caughtBy, subject: createSubject(name, seams) };
}

const shifted = (scores: ArrayLike<number>, offset: number) => Float64Array.from(scores, (s) => s - offset);

const stepFaults: readonly Mutant[] = [
  plant("lambda-sign", "λ pulls away from the preference policy", "step-gap-identity", {
    score: ({ utility, reference, current, lambda, proximal }) =>
      (utility - lambda * reference + proximal * current) / (lambda + proximal),
  }),
  plant("proximal-without-t", "1/η for 1/(ηt)", "step-stationary", { proximal: (eta) => 1 / eta }),
  plant("proximal-inverted", "ηt for 1/(ηt)", "step-gap-identity", { proximal: (eta, t) => eta * t }),
  plant("proximal-late", "t + 1 for t", "step-by-ascent", { proximal: (eta, t) => 1 / (eta * (t + 1)) }),
  plant("undivided", "the sum is not divided by λ + 1/(ηt)", "step-stationary", {
    score: ({ utility, reference, current, lambda, proximal }) =>
      utility + lambda * reference + proximal * current,
  }),
  plant("divided-by-lambda", "divided by λ alone", "step-by-ascent", {
    score: ({ utility, reference, current, lambda, proximal }) =>
      (utility + lambda * reference + proximal * current) / lambda,
  }),
  plant("reference-is-current", "λ pulls to the last iterate", "step-by-ascent", {
    score: ({ utility, current, lambda, proximal }) =>
      (utility + (lambda + proximal) * current) / (lambda + proximal),
  }),
  plant("current-is-reference", "1/(ηt) pulls to the preference policy", "step-stationary", {
    score: ({ utility, reference, lambda, proximal }) =>
      (utility + (lambda + proximal) * reference) / (lambda + proximal),
  }),
  plant("proximal-of-sum", "the sum's weight 1/η beside the mean's λ", "step-of-any-history", {
    proximal: (eta) => 1 / eta,
  }),
  plant("no-log-z", "log Z forgotten", "step-normalised", {
    normalise: (scores) => Float64Array.from(scores),
  }),
  plant("peak-for-log-z", "the largest score subtracted instead of log Z", "step-normalised", {
    normalise: (scores) => shifted(scores, Math.max(...Float64Array.from(scores))),
  }),
  plant("faint-tokens-lost", "−∞ wherever log π < −40", "step-normalised", {
    normalise: (scores) =>
      normaliseScores(scores).map((value) => (value < -40 ? Number.NEGATIVE_INFINITY : value)),
  }),
];

const loopFaults: readonly Mutant[] = [
  plant("utility-sign", "u = α (log π_base − log π_t)", "loop-by-definition", {
    utility: (alpha, current, base) => alpha * (base - current),
  }),
  plant("utility-without-base", "u = α log π_t", "loop-rests", {
    utility: (alpha, current) => alpha * current,
  }),
  plant("utility-without-alpha", "α forgotten", "loop-by-definition", {
    utility: (_, current, base) => current - base,
  }),
  plant("sum-for-mean", "utilities added, not averaged", "loop-equals-collapse", {
    updateMean: (sum, latest) => sum + latest,
  }),
  plant("stale-mean", "the mean lags a step behind", "loop-by-definition", {
    updateMean: (mean, latest, t) => mean + (latest - mean) / (t + 1),
  }),
  plant("latest-for-mean", "the last utility stands for the mean", "loop-equals-collapse", {
    updateMean: (_, latest) => latest,
  }),
  plant("one-step-short", "T − 1 steps", "scale-as-published", { steps: (iterations) => iterations - 1 }),
  plant("one-step-more", "T + 1 steps", "loop-rests", { steps: (iterations) => iterations + 1 }),
  plant("starts-at-base", "the loop starts at the base policy", "loop-by-definition", {
    start: (logBase) => logBase,
  }),
  plant("naive-log-softmax", "log(softmax) by plain exponentials", "log-policy-by-definition", {
    normalise: (scores) => {
      const mass = Float64Array.from(scores).reduce((sum, score) => sum + Math.exp(score), 0);
      return Float64Array.from(scores, (score) => Math.log(Math.exp(score) / mass));
    },
  }),
  plant("first-token-nan", "the first token is NaN", "loop-by-definition", {
    normalise: (scores) => normaliseScores(scores).fill(Number.NaN, 0, 1),
  }),
  plant("logits-clipped", "logits clipped at ±1,000", "logits-shift", {
    normalise: (scores) =>
      normaliseScores(Float64Array.from(scores, (score) => Math.max(-1000, Math.min(1000, score)))),
  }),
  plant("lambda-capped", "λ never more than 100", "loop-rests", {
    score: ({ utility, reference, current, lambda, proximal }) => {
      const pull = Math.min(lambda, 100);
      return (utility + pull * reference + proximal * current) / (pull + proximal);
    },
  }),
  plant("first-token-favoured", "position enters the score", "loop-permutes", {
    normalise: (scores) => {
      const tilted = Float64Array.from(scores, (score, a) => (a === 0 ? score + 1e-6 : score));
      return normaliseScores(tilted);
    },
  }),
  plant("masked-revived", "log 0 is −20", "masked-tokens-drop-out", {
    normalise: (scores) => {
      const floored = Float64Array.from(scores, (score) => Math.max(score, -20));
      return normaliseScores(floored);
    },
  }),
  plant("rows-swapped", "batch rows come back reversed", "rows-are-independent", {
    row: (index, rows) => rows - 1 - index,
  }),
  plant("rows-repeated", "every batch row is the first", "rows-are-independent", { row: () => 0 }),
  plant("bfloat16", "policies stored in bfloat16", "loop-by-definition", { store: toBfloat16 }),
  plant(
    "bfloat16-twice",
    "rounded to float32, then to bfloat16, called bfloat16 but for the mean",
    "loop-by-definition",
    {
      updateMean: (mean, latest, t) => toBfloat16(Math.fround(mean + (latest - mean) / t)),
    },
  ),
  plant("float32-called-float64", "float32 passed off as float64", "loop-by-definition", {
    store: Math.fround,
  }),
];

const strengthFaults: readonly Mutant[] = [
  plant("scale-without-lambda", "λ missing above the line", "scale-starts-at-one", {
    scaleNext: ({ mean, x, alpha, lambda, proximal }) => (alpha * mean + proximal * x) / (lambda + proximal),
  }),
  plant("scale-latest-for-mean", "x itself for its mean", "scale-growth", { scaleMean: (_, x) => x }),
  plant("scale-stale-mean", "the mean of x lags a step", "scale-by-definition", {
    scaleMean: (mean, x, t) => mean + (x - mean) / (t + 1),
  }),
  plant("scale-alpha-squared", "α twice", "scale-homogeneous", {
    scaleNext: ({ mean, x, alpha, lambda, proximal }) =>
      (lambda + alpha * alpha * mean + proximal * x) / (lambda + proximal),
  }),
  plant("scale-shrinks", "the utility pulls back", "scale-rises", {
    scaleNext: ({ mean, x, alpha, lambda, proximal }) =>
      (lambda - alpha * mean + proximal * x) / (lambda + proximal),
  }),
  plant(
    "scale-overshoots",
    "T + 1 for t in the proximal weight's place of x",
    "scale-below-its-fixed-point",
    {
      scaleNext: ({ mean, x, alpha, lambda, proximal }) =>
        (lambda + alpha * mean + 2 * proximal * x) / (lambda + proximal),
    },
  ),
  plant("ratio-is-scale", "x taken for Linear Alignment's ratio", "strength-names-agree", {
    ratio: (gamma) => gamma + 1,
  }),
  plant("ratio-halved", "the ratio over two policies", "guidance-is-alignment", {
    ratio: (gamma) => gamma / 2,
  }),
  plant("solved-for-gamma", "a parameter solved for γ", "strength-solved", {
    solvedFor: (scale) => scale - 1,
  }),
  plant("gamma-is-scale", "x taken for γ", "amulet-is-a-tilt", { gamma: (scale) => scale }),
  plant("gamma-off-two", "γ = x − 2", "collapse-by-definition", { gamma: (scale) => scale - 2 }),
];

const tiltFaults: readonly Mutant[] = [
  plant("tilt-backwards", "Δ with the wrong sign", "tilt-by-definition", {
    extrapolate: (base, preference, gamma) => preference + gamma * (base - preference),
  }),
  plant("tilt-from-base", "extrapolates from the base policy", "tilt-turns-around", {
    extrapolate: (base, preference, gamma) => base + gamma * (preference - base),
  }),
  plant("tilt-squared", "γ² for γ", "drift-slope", {
    extrapolate: (base, preference, gamma) => preference + gamma * gamma * (preference - base),
  }),
  plant("tilt-five-percent", "1.05 γ for γ", "drift-slope", {
    extrapolate: (base, preference, gamma) => preference + 1.05 * gamma * (preference - base),
  }),
  plant("tilt-halts", "γ wraps at 4", "drift-rises", {
    extrapolate: (base, preference, gamma) => preference + (gamma % 4) * (preference - base),
  }),
  plant("budget-reversed", "KL with its arguments swapped", "budget-met", {
    drift: (logPolicy, logPreference) =>
      Float64Array.from(logPreference).reduce((sum, v, a) => sum + Math.exp(v) * (v - logPolicy[a]!), 0),
  }),
  plant("budget-in-bits", "nats taken for bits", "budget-used-up", {
    drift: (logPolicy, logPreference) =>
      Float64Array.from(logPolicy).reduce((sum, v, a) => sum + Math.exp(v) * (v - logPreference[a]!), 0) /
      Math.LN2,
  }),
  plant("budget-overspent", "1 % more than the budget", "budget-met", { spend: (nats) => 1.01 * nats }),
  plant("budget-policy-nan", "the right strength, and a policy of NaN", "budget-policy", {
    boundedPolicy: (logPolicy) => logPolicy.fill(Number.NaN),
  }),
  plant("budget-policy-untilted", "the right strength, and the preference policy", "budget-policy", {
    boundedPolicy: (_, logPreference) => logPreference,
  }),
  underspender(),
];

/** A search that stops further below its budget than it says. */
function underspender(): Mutant {
  const mutant = plant(
    "budget-slack-understated",
    "leaves 1 % of the budget and states 0.1 %",
    "budget-used-up",
    {
      spend: (nats) => 0.99 * nats,
    },
  );
  return { ...mutant, subject: { ...mutant.subject, budgetSlack: (nats) => 0.001 * nats } };
}

const probabilitiesOf = (row: ArrayLike<number>) => Float64Array.from(row, Math.exp);

const fieldFaults: readonly Mutant[] = [
  plant("divergence-in-nats", "nats taken for bits", "adacad-by-definition", {
    divergence: (logBase, logPreference) => Math.LN2 * rightSeams.divergence(logBase, logPreference),
  }),
  plant("divergence-one-sided", "KL to the mean from the base policy alone", "adacad-symmetric", {
    divergence: (logBase, logPreference) => {
      const [p, q] = [probabilitiesOf(logBase), probabilitiesOf(logPreference)];
      return p.reduce((sum, value, a) => sum + value * Math.log2((2 * value) / (value + q[a]!)), 0);
    },
  }),
  plant("gate-without-confidence", "the base policy kept however unsure it is", "gate-takes-one-policy", {
    isNeutral: (seen, thresholds) => seen.divergence <= thresholds.divergence,
  }),
  plant("mask-of-the-base", "the mask looks at the base policy", "mask-by-definition", {
    masks: (logBase) => logBase,
  }),
  plant("sigma-of-sample", "top-nσ with the variance of a sample", "mask-by-definition", {
    leastKept: (log, rule) => {
      const least = rightSeams.leastKept(log, rule);
      if (rule.kind !== "top-n-sigma" || log.length === 1) return least;
      const best = Math.max(...log);
      return best - (best - least) * Math.sqrt(log.length / (log.length - 1));
    },
  }),
  plant("delta-reversed", "the small model's Δ with the wrong sign", "transfer-by-definition", {
    transfer: ({ large, base, preference }, strength) => large + strength * (base - preference),
  }),
  plant("delta-on-the-small-model", "the small model's own policy steered", "transfer-by-definition", {
    transfer: ({ base, preference }, strength) => base + strength * (preference - base),
  }),
  plant("delta-short-of-one", "y − 1 for y", "transfer-from-itself", {
    transfer: ({ large, base, preference }, strength) => large + (strength - 1) * (preference - base),
  }),
  plant("costeer-starts-at-delta", "the loop starts with Δ already added", "costeer-collapses", {
    coSteer: ({ beta }) => ({ start: 1, drive: beta }),
  }),
  plant("costeer-driven-by-lambda", "λ for β", "costeer-is-amulet", {
    coSteer: ({ lambda }) => ({ start: 0, drive: lambda }),
  }),
];

const runFaults: readonly Mutant[] = [
  plant("learns-backwards", "the utility of the run has the wrong sign", "regret-bounded", {
    utility: (alpha, current, base) => alpha * (base - current),
  }),
  plant("history-backwards", "utilities with the wrong sign", "regret-on-any-history", {
    score: ({ utility, reference, current, lambda, proximal }) =>
      (-utility + lambda * reference + proximal * current) / (lambda + proximal),
  }),
  plant("tensor-left", "the loop forgets one tensor a step", "no-tensor-left", { left: (steps) => steps }),
  plant("nucleus-short", "the token that reaches p is left out", "sampling-truncations", {
    shortlist: (candidates, run) => {
      const kept = shorten(candidates, run);
      return run.topP < 1 && kept.length > 1 ? kept.slice(0, -1) : kept;
    },
  }),
  plant("min-p-absolute", "min-p taken as a probability", "sampling-truncations", {
    shortlist: (candidates, run) => {
      const kept = shorten(candidates, { ...run, minP: 0 });
      const likely = kept.filter(({ weight }) => weight >= run.minP);
      return likely.length > 0 ? likely : kept.slice(0, 1);
    },
  }),
  plant("draws-too-flat", "temperature 2", "sampling-frequencies", {
    sampled: (logPolicy) => normaliseScores(Float64Array.from(logPolicy, (value) => value / 2)),
  }),
  plant(
    "draws-rare-tokens",
    "no token less probable than a tenth of its fair share",
    "sampling-frequencies",
    {
      sampled: (logPolicy) => {
        const floor = -Math.log(10 * logPolicy.length);
        return normaliseScores(Float64Array.from(logPolicy, (value) => Math.max(value, floor)));
      },
    },
  ),
  plant("draws-greedily", "always the likeliest token", "sampling-frequencies", {
    sampled: (logPolicy) => {
      const best = Math.max(...Float64Array.from(logPolicy));
      return normaliseScores(Float64Array.from(logPolicy, (value) => 1000 * (value - best)));
    },
  }),
];

/** All planted faults of the algorithm. */
export const algorithmMutants: readonly Mutant[] = [
  ...stepFaults,
  ...loopFaults,
  ...strengthFaults,
  ...tiltFaults,
  ...fieldFaults,
  ...runFaults,
];
