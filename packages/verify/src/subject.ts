/** What the laws judge: an implementation of Amulet, described by its shape alone. */
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

/** The name of an operation. */
export type Operation = keyof AlgorithmOperations;

/** An implementation under judgement. */
export interface AlgorithmSubject extends Partial<AlgorithmOperations> {
  readonly name: string;
  /** Half the gap between 1 and the next number of its policies' type: 2^-24 in float32, 2^-53 in float64. */
  readonly unitRoundoff: number;
}

/** A subject that has the operations K. */
export type SubjectWith<K extends Operation> = Pick<AlgorithmOperations, K> &
  Pick<AlgorithmSubject, "name" | "unitRoundoff">;
