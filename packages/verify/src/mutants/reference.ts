/**
 * A small Amulet on arrays with a seam at every place where one can go wrong. Left alone it is right; a planted
 * fault replaces one seam. It is written as an implementation would be (a running mean, one recursion for x),
 * not as the oracles are.
 */
import type { GateThresholds } from "../oracles/adaptive.js";
import type { AmuletParameters } from "../oracles/amulet.js";
import type { DriftBudget } from "../oracles/budget.js";
import type { CoSteerParameters, TransferRows } from "../oracles/costeer.js";
import type { Row } from "../oracles/distribution.js";
import type { MaskRule } from "../oracles/masks.js";
import type { StrengthNames } from "../oracles/strength.js";
import type {
  AlgorithmOperations,
  AlgorithmSubject,
  SamplingRun,
  StepRows,
  StepSettings,
  StrengthParameter,
} from "../subject.js";

/** What a step reads for one token. */
export interface TokenTerms {
  readonly utility: number;
  readonly reference: number;
  readonly current: number;
  readonly lambda: number;
  readonly proximal: number;
}

/** What the recursion of x reads. */
export interface ScaleTerms {
  readonly mean: number;
  readonly x: number;
  readonly alpha: number;
  readonly lambda: number;
  readonly proximal: number;
}

/** A token in play and its probability, up to a factor. */
export interface Candidate {
  readonly token: number;
  readonly weight: number;
}

/** The seams. */
export interface Seams {
  proximal(eta: number, t: number): number;
  utility(alpha: number, current: number, base: number): number;
  updateMean(mean: number, latest: number, t: number): number;
  score(terms: TokenTerms): number;
  normalise(scores: Row): Float64Array;
  /** Where the loop starts. */
  start(logBase: Row, logPreference: Row): Row;
  /** How many steps T stands for. */
  steps(iterations: number): number;
  scaleNext(terms: ScaleTerms): number;
  scaleMean(mean: number, x: number, t: number): number;
  gamma(scale: number): number;
  extrapolate(base: number, preference: number, gamma: number): number;
  drift(logPolicy: Row, logPreference: Row): number;
  /** How much of a budget is spent. */
  spend(nats: number): number;
  /** The policy that a bounded strength comes with. */
  boundedPolicy(logPolicy: Float64Array, logPreference: Row): Row;
  /** Which row is computed for row `index` of a batch. */
  row(index: number, rows: number): number;
  /** The policy that draws are taken from. */
  sampled(logPolicy: Row): Row;
  /** What top-k, top-p and min-p leave of tokens and their weights, the likeliest first. */
  shortlist(candidates: readonly Candidate[], run: SamplingRun): readonly Candidate[];
  /** How far two policies are apart, for AdaCAD and NWCAD. */
  divergence(logBase: Row, logPreference: Row): number;
  /** Whether NWCAD keeps the base policy. */
  isNeutral(seen: GateThresholds, thresholds: GateThresholds): boolean;
  /** The policy that a mask looks at. */
  masks(logBase: Row, logPreference: Row): Row;
  /** The least logit that a mask leaves. */
  leastKept(log: Float64Array, rule: MaskRule): number;
  /** One token's score when a small model's Δ is added to a large one's policy. */
  transfer(token: { large: number; base: number; preference: number }, strength: number): number;
  /** Where CoSteer's strength starts, and what drives it at every step. */
  coSteer(parameters: CoSteerParameters): { readonly start: number; readonly drive: number };
  /** Linear Alignment's ratio for a γ. */
  ratio(gamma: number): number;
  /** The x that a parameter is solved for. */
  solvedFor(scale: number): number;
  /** Tensors that a call leaves behind, with T steps or none. */
  left(steps: number): number;
  /** Rounds every number of a policy that is stored. */
  store(value: number): number;
}

/** Nothing replaced. */
export const rightSeams: Seams = {
  proximal: (eta, t) => 1 / (eta * t),
  utility: (alpha, current, base) => alpha * (current - base),
  updateMean: (mean, latest, t) => mean + (latest - mean) / t,
  score: ({ utility, reference, current, lambda, proximal }) =>
    (utility + lambda * reference + proximal * current) / (lambda + proximal),
  normalise: normaliseScores,
  start: (_, logPreference) => logPreference,
  steps: (iterations) => iterations,
  scaleNext: ({ mean, x, alpha, lambda, proximal }) =>
    (lambda + alpha * mean + proximal * x) / (lambda + proximal),
  scaleMean: (mean, x, t) => mean + (x - mean) / t,
  gamma: (scale) => scale - 1,
  extrapolate: (base, preference, gamma) => preference + gamma * (preference - base),
  drift: relativeEntropy,
  spend: (nats) => nats,
  boundedPolicy: (logPolicy) => logPolicy,
  row: (index) => index,
  sampled: (logPolicy) => logPolicy,
  shortlist: shorten,
  divergence: divergenceInBits,
  isNeutral: (seen, { divergence, baseMargin }) =>
    seen.divergence <= divergence && seen.baseMargin >= baseMargin,
  masks: (_, logPreference) => logPreference,
  leastKept,
  transfer: ({ large, base, preference }, strength) => large + strength * (preference - base),
  coSteer: ({ beta }) => ({ start: 0, drive: beta }),
  ratio: (gamma) => gamma,
  solvedFor: (scale) => scale,
  left: () => 0,
  store: (value) => value,
};

/** Stands for log 0, as an implementation on tensors must have it. */
const logZero = -1e4;

/** Scores to a log-policy. */
export function normaliseScores(scores: Row): Float64Array {
  const row = Float64Array.from(scores);
  const top = row.reduce((best, score) => Math.max(best, score), Number.NEGATIVE_INFINITY);
  const mass = row.reduce((sum, score) => sum + Math.exp(score - top), 0);
  return row.map((score) => Math.max(score - top - Math.log(mass), logZero));
}

function relativeEntropy(logPolicy: Row, logOther: Row): number {
  return Float64Array.from(logPolicy).reduce(
    (sum, value, a) => sum + Math.exp(value) * (value - logOther[a]!),
    0,
  );
}

/** The reference, or, with a seam replaced, a mutant of it. */
export function createSubject(
  name: string,
  faults: Partial<Seams> = {},
  unitRoundoff = 2 ** -53,
): AlgorithmSubject & AlgorithmOperations {
  const parts: Seams = { ...rightSeams, ...faults };
  const amuletLoop = (logBase: Row, logPreference: Row, parameters: AmuletParameters) =>
    runLoop(parts, logBase, logPreference, parameters);
  const linearAlignment = (logBase: Row, logPreference: Row, gamma: number) =>
    extrapolateRow(parts, logBase, logPreference, gamma);
  const guidanceScale = (parameters: AmuletParameters) => scaleOf(parts, parameters);
  let alive = 0;
  return {
    name,
    unitRoundoff,
    guidanceScale,
    amuletLoop: (logBase, logPreference, parameters) => {
      alive += parts.left(parameters.iterations);
      return amuletLoop(logBase, logPreference, parameters);
    },
    countTensors: () => alive,
    linearAlignment,
    logPolicy: (logits) => storeRow(parts, parts.normalise(logits)),
    closedFormStep: (rows, settings) => takeStep(parts, rows, settings),
    amuletCollapsed: (logBase, logPreference, parameters) =>
      linearAlignment(logBase, logPreference, parts.gamma(guidanceScale(parameters))),
    amuletLoopRows: (logBases, logPreferences, parameters) =>
      logBases.map((_, index) => {
        const row = parts.row(index, logBases.length);
        return amuletLoop(logBases[row]!, logPreferences[row]!, parameters);
      }),
    boundedTilt: (logBase, logPreference, budget) => searchBudget(parts, logBase, logPreference, budget),
    adaCad: (logBase, logPreference, warmup) => {
      const gamma = Math.max(warmup, parts.divergence(logBase, logPreference));
      return { gamma, logPolicy: linearAlignment(logBase, logPreference, gamma) };
    },
    gate: (logBase, logPreference, thresholds, ratio) =>
      passGate(parts, logBase, logPreference, thresholds, ratio),
    maskedAlignment: (logBase, logPreference, ratio, rule) =>
      alignMasked(parts, logBase, logPreference, ratio, rule),
    transferDelta: (rows, strength) => transferRow(parts, rows, strength),
    coSteerScale: (parameters) => coSteerScale(parts, parameters),
    sample: (logPolicy, { count, seed }) => drawAll(candidatesOf(parts.sampled(logPolicy)), count, seed),
    sampleTruncated: (logPolicy, run) => {
      const sharpened = Float64Array.from(parts.sampled(logPolicy), (value) => value / run.temperature);
      return drawAll(parts.shortlist(candidatesOf(sharpened), run), run.count, run.seed);
    },
    strengthNames: (known) => nameStrength(parts, known),
    solveStrength: (parameter, scale, parameters) =>
      solveStrength(parts, parameter, parts.solvedFor(scale), parameters),
  };
}

const storeRow = (parts: Seams, row: Float64Array) => row.map((value) => parts.store(value));

function takeStep(parts: Seams, rows: StepRows, { t, lambda, eta }: StepSettings): Float64Array {
  const proximal = parts.proximal(eta, t);
  const scores = Float64Array.from(rows.meanUtility, (utility, a) =>
    parts.score({
      utility,
      reference: rows.logReference[a]!,
      current: rows.logCurrent[a]!,
      lambda,
      proximal,
    }),
  );
  return storeRow(parts, parts.normalise(scores));
}

function runLoop(parts: Seams, logBase: Row, logPreference: Row, parameters: AmuletParameters): Row {
  let logCurrent = parts.start(logBase, logPreference);
  let meanUtility = new Float64Array(logPreference.length);
  for (let t = 1; t <= parts.steps(parameters.iterations); t++) {
    const current = logCurrent;
    meanUtility = meanUtility.map((mean, a) => {
      const latest = parts.utility(parameters.alpha, current[a]!, logBase[a]!);
      return parts.store(parts.updateMean(mean, latest, t));
    });
    logCurrent = takeStep(
      parts,
      { meanUtility, logReference: logPreference, logCurrent },
      { ...parameters, t },
    );
  }
  return logCurrent;
}

function scaleOf(parts: Seams, { iterations, alpha, lambda, eta }: AmuletParameters): number {
  let x = 1;
  let mean = 0;
  for (let t = 1; t <= parts.steps(iterations); t++) {
    mean = parts.scaleMean(mean, x, t);
    x = parts.scaleNext({ mean, x, alpha, lambda, proximal: parts.proximal(eta, t) });
  }
  return x;
}

function extrapolateRow(parts: Seams, logBase: Row, logPreference: Row, gamma: number): Float64Array {
  const scores = Float64Array.from(logPreference, (preference, a) =>
    parts.extrapolate(logBase[a]!, preference, gamma),
  );
  return storeRow(parts, parts.normalise(scores));
}

function searchBudget(parts: Seams, logBase: Row, logPreference: Row, { nats, largestGamma }: DriftBudget) {
  const reached = (gamma: number) =>
    parts.drift(extrapolateRow(parts, logBase, logPreference, gamma), parts.normalise(logPreference));
  const limit = parts.spend(nats);
  let [low, high] = reached(largestGamma) <= limit ? [largestGamma, largestGamma] : [0, largestGamma];
  for (let halving = 0; halving < 60; halving++) {
    const middle = (low + high) / 2;
    if (reached(middle) <= limit) low = middle;
    else high = middle;
  }
  const logPolicy = extrapolateRow(parts, logBase, logPreference, low);
  return { gamma: low, logPolicy: parts.boundedPolicy(logPolicy, logPreference) };
}

/** By entropies: that of the mean less the mean of them. */
function divergenceInBits(logBase: Row, logPreference: Row): number {
  const [p, q] = [logBase, logPreference].map((row) => Float64Array.from(row, Math.exp)) as [
    Float64Array,
    Float64Array,
  ];
  const entropy = (row: Float64Array) =>
    row.reduce((sum, value) => sum - (value === 0 ? 0 : value * Math.log2(value)), 0);
  const mean = p.map((value, a) => (value + q[a]!) / 2);
  return Math.max(0, entropy(mean) - (entropy(p) + entropy(q)) / 2);
}

function marginOf(logPolicy: Row): number {
  const [first = 0, second = 0] = Float64Array.from(logPolicy, Math.exp).sort().reverse();
  return first - second;
}

function passGate(parts: Seams, logBase: Row, logPreference: Row, thresholds: GateThresholds, ratio: number) {
  const seen = {
    divergence: parts.divergence(logBase, logPreference),
    baseMargin: marginOf(logBase),
    preferenceMargin: marginOf(logPreference),
  };
  if (parts.isNeutral(seen, thresholds)) return { gamma: -1, logPolicy: logBase };
  if (seen.preferenceMargin >= thresholds.preferenceMargin) return { gamma: 0, logPolicy: logPreference };
  return { gamma: ratio, logPolicy: extrapolateRow(parts, logBase, logPreference, ratio) };
}

/** A threshold in logits for each rule; top-p's is the logit of the token with which the sum reaches p. */
function leastKept(log: Float64Array, { kind, value }: MaskRule): number {
  const best = Math.max(...log);
  if (kind === "min-p") return best + Math.log(value);
  if (kind === "top-n-sigma") {
    const mean = log.reduce((sum, entry) => sum + entry, 0) / log.length;
    const squares = log.reduce((sum, entry) => sum + (entry - mean) ** 2, 0);
    return best - value * Math.sqrt(squares / log.length);
  }
  const sorted = log.toSorted().reverse();
  let reached = 0;
  const last = sorted.find((entry) => {
    reached += Math.exp(entry);
    return reached >= value;
  });
  return last ?? sorted.at(-1)!;
}

function alignMasked(parts: Seams, logBase: Row, logPreference: Row, ratio: number, rule: MaskRule) {
  const looked = Float64Array.from(parts.masks(logBase, logPreference));
  const least = parts.leastKept(looked, rule);
  const free = extrapolateRow(parts, logBase, logPreference, ratio);
  const scores = free.map((score, a) => (looked[a]! >= least ? score : Number.NEGATIVE_INFINITY));
  return storeRow(parts, parts.normalise(scores));
}

function transferRow(parts: Seams, rows: TransferRows, strength: number): Float64Array {
  const scores = Float64Array.from(rows.logLarge, (large, a) => {
    const token = { large, base: rows.logSmallBase[a]!, preference: rows.logSmallPreference[a]! };
    return parts.transfer(token, strength);
  });
  return storeRow(parts, parts.normalise(scores));
}

function coSteerScale(parts: Seams, parameters: CoSteerParameters): number {
  const { iterations, alpha, lambda, eta } = parameters;
  const { start, drive } = parts.coSteer(parameters);
  let y = start;
  let mean = 0;
  for (let t = 1; t <= iterations; t++) {
    const proximal = parts.proximal(eta, t);
    mean += (y - mean) / t;
    y = (drive + alpha * mean + proximal * y) / (lambda + proximal);
  }
  return y;
}

function nameStrength(parts: Seams, known: Partial<StrengthNames>): StrengthNames {
  const { guidanceScale, gamma, linearAlignmentRatio, contextSteeringLambda } = known;
  const strength = gamma ?? linearAlignmentRatio ?? contextSteeringLambda ?? guidanceScale! - 1;
  return {
    guidanceScale: strength + 1,
    gamma: strength,
    linearAlignmentRatio: parts.ratio(strength),
    contextSteeringLambda: strength,
  };
}

/** Bisection in logarithms, or the first T that reaches the strength. */
function solveStrength(
  parts: Seams,
  parameter: StrengthParameter,
  scale: number,
  parameters: AmuletParameters,
): number {
  const at = (value: number) => scaleOf(parts, { ...parameters, [parameter]: value });
  if (parameter === "iterations") {
    let steps = 0;
    while (steps < 1000 && at(steps) < scale) steps += 1;
    return steps;
  }
  let [low, high] = [1e-6, 1e6];
  const grows = parameter !== "lambda";
  for (let halving = 0; halving < 200; halving++) {
    const middle = Math.sqrt(low * high);
    if (at(middle) < scale === grows) low = middle;
    else high = middle;
  }
  return high;
}

function candidatesOf(logPolicy: Row): Candidate[] {
  return Array.from(logPolicy, (value, token) => ({ token, weight: Math.exp(value) }));
}

/** Top-k, then top-p, then min-p. */
export function shorten(candidates: readonly Candidate[], { topK, topP, minP }: SamplingRun): Candidate[] {
  const sorted = candidates.toSorted((left, right) => right.weight - left.weight || left.token - right.token);
  const few = topK === 0 ? sorted : sorted.slice(0, topK);
  const wanted = topP * few.reduce((sum, { weight }) => sum + weight, 0);
  let before = 0;
  const nucleus = few.filter(({ weight }) => {
    const needed = topP === 1 || before < wanted;
    before += weight;
    return needed;
  });
  return nucleus.filter(({ weight }) => weight >= minP * sorted[0]!.weight);
}

/** Inverts the cumulative distribution; the uniforms are a 32-bit mixer's (splitmix, Steele et al. 2014). */
function drawAll(candidates: readonly Candidate[], count: number, seed: number): number[] {
  let state = seed >>> 0;
  const uniform = () => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    return ((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 32;
  };
  const total = candidates.reduce((sum, { weight }) => sum + weight, 0);
  return Array.from({ length: count }, () => {
    let left = uniform() * total;
    for (const { token, weight } of candidates) {
      left -= weight;
      if (left < 0) return token;
    }
    return candidates.at(-1)!.token;
  });
}
