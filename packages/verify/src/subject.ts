/** What the laws judge: an implementation of Amulet, described by its shape alone. */
import type { TinyModel } from "./arbitraries/models.js";
import type { GateThresholds } from "./oracles/adaptive.js";
import type { AmuletParameters } from "./oracles/amulet.js";
import type { DriftBudget } from "./oracles/budget.js";
import type { CoSteerParameters, TransferRows } from "./oracles/costeer.js";
import type { Row } from "./oracles/distribution.js";
import type { MaskRule } from "./oracles/masks.js";
import type { StepProblem } from "./oracles/objective.js";
import type { StrengthNames } from "./oracles/strength.js";

/** A result now or later: tensor subjects read back asynchronously, others answer from another process. */
export type Awaitable<T> = T | Promise<T>;

/** The rows of one step. */
export interface StepRows {
  readonly meanUtility: Row;
  readonly logReference: Row;
  readonly logCurrent: Row;
}

/** Where one step stands. */
export interface StepSettings {
  readonly t: number;
  readonly lambda: number;
  readonly eta: number;
}

/** Draws, and the options that bend the policy first, in the order in which they act. */
export interface SamplingRun {
  readonly count: number;
  readonly seed: number;
  /** Log-probabilities are divided by it. */
  readonly temperature: number;
  /** Only the k most probable tokens, the earlier of equals. */
  readonly topK: number;
  /** Of these, the fewest whose share of their probability reaches p. */
  readonly topP: number;
  /** Of these, only tokens at least p times as probable as the best. */
  readonly minP: number;
}

/** A number that T, α, λ, η can be solved for. */
export type StrengthParameter = keyof AmuletParameters;

/** The policy of a method that chooses its strength itself, and the γ that it chose. */
export interface ChosenTilt {
  readonly gamma: number;
  readonly logPolicy: Row;
}

/**
 * The operations that a subject may offer; a law that needs one it lacks is skipped. Rows are log-policies over
 * one vocabulary, all entries float32 numbers, borrowed and never changed. Results are normalised log-policies;
 * what lies below −700, the logarithm of float64's smallest number, counts as impossible.
 */
export interface AlgorithmOperations {
  /** x_{T+1}, float64. */
  guidanceScale(parameters: AmuletParameters): Awaitable<number>;
  /** Logits, −Infinity allowed, to a log-policy that the other operations accept. */
  logPolicy(logits: Row): Awaitable<Row>;
  closedFormStep(rows: StepRows, settings: StepSettings): Awaitable<Row>;
  amuletLoop(logBase: Row, logPreference: Row, parameters: AmuletParameters): Awaitable<Row>;
  amuletCollapsed(logBase: Row, logPreference: Row, parameters: AmuletParameters): Awaitable<Row>;
  /** `amuletLoop` on several rows in one call. */
  amuletLoopRows(
    logBases: readonly Row[],
    logPreferences: readonly Row[],
    parameters: AmuletParameters,
  ): Awaitable<readonly Row[]>;
  linearAlignment(logBase: Row, logPreference: Row, ratio: number): Awaitable<Row>;
  /** The largest γ ≤ `largestGamma` with KL(π_γ ‖ π_pref) ≤ `nats`, and its policy. */
  boundedTilt(logBase: Row, logPreference: Row, budget: DriftBudget): Awaitable<ChosenTilt>;
  /** AdaCAD: γ is the Jensen–Shannon divergence of the two policies in bits, and at least `warmup`. */
  adaCad(logBase: Row, logPreference: Row, warmup: number): Awaitable<ChosenTilt>;
  /** NWCAD's gate, with Linear Alignment of that ratio as its fallback. */
  gate(
    logBase: Row,
    logPreference: Row,
    thresholds: GateThresholds,
    fallbackRatio: number,
  ): Awaitable<ChosenTilt>;
  /** Linear Alignment over the tokens that the preference policy finds plausible. */
  maskedAlignment(logBase: Row, logPreference: Row, ratio: number, rule: MaskRule): Awaitable<Row>;
  /** log π_large + `strength` times the small model's Δ, normalised. */
  transferDelta(rows: TransferRows, strength: number): Awaitable<Row>;
  /** The strength of {@link transferDelta} that CoSteer's T steps amount to. */
  coSteerScale(parameters: CoSteerParameters): Awaitable<number>;
  /** `count` independent draws. */
  sample(logPolicy: Row, options: { readonly count: number; readonly seed: number }): Awaitable<Row>;
  /** The same from what the options leave of the policy. */
  sampleTruncated(logPolicy: Row, run: SamplingRun): Awaitable<Row>;
  /** The strength under all of its names, from any one of them. */
  strengthNames(known: Partial<StrengthNames>): Awaitable<StrengthNames>;
  /** The value of one parameter that gives this x while the others stay as they are; the nearest whole T. */
  solveStrength(name: StrengthParameter, scale: number, parameters: AmuletParameters): Awaitable<number>;
  /** Tensors that are alive now. */
  countTensors(): Awaitable<number>;
}

/** What every subject says of itself. */
export interface SubjectFacts {
  readonly name: string;
  /** Half the gap between 1 and the next number of its results' type: 2^-24 in float32, 2^-53 in float64. */
  readonly unitRoundoff: number;
  /**
   * Nats of a budget over `vocabulary` tokens that its bounded search leaves unused on purpose. One that says so may
   * also stop early where the drift is far from its quadratic form; one that does not must use every budget up.
   */
  budgetSlack?(nats: number, vocabulary: number): Awaitable<number>;
  /** Told before every case: where a subject's time is bounded, it is counted anew. */
  startCase?(): void;
}

/** An implementation under judgement, with those of the operations that it has. */
export type Subject<Operations> = Partial<Operations> & SubjectFacts;

/** An implementation of the algorithm. */
export type AlgorithmSubject = Subject<AlgorithmOperations>;

/** A subject that has the operations K. */
export type SubjectWith<K extends keyof Operations, Operations = AlgorithmOperations> = Pick<Operations, K> &
  SubjectFacts;

/** What a subject that implements forward passes may offer. Models come as plain data, logits go out as rows. */
export interface ForwardOperations {
  /** Logits at every position, `[T][V]`. */
  logits(model: TinyModel, tokens: readonly number[]): Awaitable<readonly Row[]>;
  /** The same, with the first `prefilled` tokens in one call and the others one by one through the cache. */
  logitsInSteps(model: TinyModel, tokens: readonly number[], prefilled: number): Awaitable<readonly Row[]>;
  /** Several token rows of different lengths in one batch: the logits after the last token of each. */
  lastLogitsOfRows(model: TinyModel, tokenRows: readonly (readonly number[])[]): Awaitable<readonly Row[]>;
  /**
   * The mean over positions of −log p(next token), in nats, and its derivative by every tensor of the checkpoint,
   * under its name and in its layout. A row of at least two tokens.
   */
  lossAndGradient(model: TinyModel, tokens: readonly number[]): Awaitable<LossAndGradient>;
  /** Tensors that are alive now. */
  countTensors(): Awaitable<number>;
}

/** A loss and where it rises. */
export interface LossAndGradient {
  readonly loss: number;
  readonly gradient: ReadonlyMap<string, Row>;
}

/** An implementation of forward passes. */
export type ForwardSubject = Subject<ForwardOperations>;

/** How fast an optimiser comes, by its theory. */
export interface Rate {
  /** How far an iterate is from the maximiser, in the theory's own measure. */
  readonly distance: (iterate: Row) => number;
  /** The most that may be left of a distance one step later. */
  readonly next: (distance: number) => number;
  /** Below this the distance is rounding. */
  readonly rounding: number;
}

/** What a subject that maximises a step's objective without the closed form may offer. */
export interface OptimiserOperations {
  /** Its iterates, the start first; log-policies up to a constant. */
  ascend(problem: StepProblem, logStart: Row): Awaitable<readonly Row[]>;
  /** The total variation from the maximiser that it promises at the end. */
  closeness(problem: StepProblem): number;
  /** Offered where the theory lets the objective never fall: what rounding may take off it in a step. */
  roundingOfAscent(problem: StepProblem): number;
  /** Offered where the theory has a rate. @param target the maximiser */
  rate(problem: StepProblem, target: Row): Rate;
}

/** An optimiser. */
export type OptimiserSubject = Subject<OptimiserOperations>;
