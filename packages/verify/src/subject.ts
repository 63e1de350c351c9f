/** What the laws judge: an implementation of Amulet, described by its shape alone. */
import type { TinyModel } from "./arbitraries/models.js";
import type { AmuletParameters } from "./oracles/amulet.js";
import type { DriftBudget } from "./oracles/budget.js";
import type { Row } from "./oracles/distribution.js";

/** A result now or later: tensor subjects read back asynchronously. */
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

/**
 * The operations that a subject may offer; a law that needs one it lacks is skipped. Rows are log-policies over
 * one vocabulary, all entries float32 numbers, borrowed and never changed. Results are normalised log-policies;
 * what lies below −700, the logarithm of float64's smallest number, counts as impossible.
 */
export interface AlgorithmOperations {
  /** x_{T+1}, float64. */
  guidanceScale(parameters: AmuletParameters): number;
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
  boundedTilt(
    logBase: Row,
    logPreference: Row,
    budget: DriftBudget,
  ): Awaitable<{ readonly gamma: number; readonly logPolicy: Row }>;
  /** `count` independent draws. */
  sample(logPolicy: Row, options: { readonly count: number; readonly seed: number }): Awaitable<Row>;
}

/** What every subject says of itself. */
export interface SubjectFacts {
  readonly name: string;
  /** Half the gap between 1 and the next number of its results' type: 2^-24 in float32, 2^-53 in float64. */
  readonly unitRoundoff: number;
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
}

/** An implementation of forward passes. */
export type ForwardSubject = Subject<ForwardOperations>;
