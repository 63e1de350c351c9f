/** Which rows of a session belong to one answer: what an engine must know that gives the most probable tokens only. */
import type { NeededTokens } from "../methods/method.js";
import { leastPossible } from "./columns.js";
import { checkFields, checkGiven, list, neededTokens, number, numbers } from "./given.js";

/** Rows whose policies are weighed against one another. */
export interface WeighedRows {
  /** Places of the rows: the base prompt's first where it is read beside others, then those of the preferences. */
  readonly rows: readonly number[];
  /** What must be given of the preferences' policies, see `Method.needs`. */
  readonly needs: NeededTokens;
}

/** Those rows whose policy a mask looks at: the preferences', or the only one. */
export function maskedRows<Row>(rows: readonly Row[]): readonly Row[] {
  checkGiven(rows, list, "rows");
  return rows.length > 1 ? rows.slice(1) : rows;
}

/** What is known of a policy of which not all tokens are given. */
export interface GivenPolicy {
  /** Log-probability of the most probable token that is given. */
  readonly logBest: number;
  /** log of the most that any token weighs that is not given. */
  readonly logMost: number;
  /** What those given tokens weigh together that weigh more than that. */
  readonly massAbove: number;
}

/** A row's log-probabilities on the host, and the most that any token weighs that it was not given. */
export interface GivenRow {
  readonly logs_C: ArrayLike<number>;
  readonly logMost: number;
}

/** Whether a row has a value of its own in this column. */
export function isGiven({ logs_C }: GivenRow, column: number): boolean {
  return logs_C[column]! > leastPossible;
}

/**
 * What is known of a policy. A token of which the base prompt's row was not given counts as not given, however well its
 * probability is known here: what a method makes of it is only bounded.
 *
 * @param base the row that it is weighed against
 * @param rounding how much a log-probability may be off
 */
export function describeGiven(row: GivenRow, base?: GivenRow, rounding = 0): GivenPolicy {
  const kinds = { logs_C: numbers, logMost: number };
  checkFields(row, kinds, "the row");
  if (base !== undefined) checkFields(base, kinds, "the base prompt's row");
  checkGiven(rounding, number, "The rounding");
  const columns = Array.from(row.logs_C, (_, column) => column).filter((column) => isGiven(row, column));
  const logOf = (column: number) => row.logs_C[column]!;
  const largest = (most: number, column: number) => Math.max(most, logOf(column));
  const unsure = base ? columns.filter((column) => !isGiven(base, column)) : [];
  const logMost = unsure.reduce(largest, row.logMost) + rounding;
  return {
    logBest: columns.reduce(largest, Number.NEGATIVE_INFINITY),
    logMost,
    massAbove: columns.reduce(
      (sum, column) => (logOf(column) > logMost ? sum + Math.exp(logOf(column) - rounding) : sum),
      0,
    ),
  };
}

/** Whether all tokens that a method needs of a policy are among the given ones. */
export function areGiven(needs: NeededTokens, policy: GivenPolicy): boolean {
  checkGiven(needs, neededTokens, "what a method needs");
  checkFields(policy, { logBest: number, logMost: number, massAbove: number }, "the policy");
  const { logBest, logMost, massAbove } = policy;
  if (needs === "given") return true;
  if (needs === "whole") return logMost === Number.NEGATIVE_INFINITY;
  // A nucleus takes tokens in their order: what stands behind a token that may be missing is no part of it.
  return "share" in needs ? logMost < logBest + Math.log(needs.share) : massAbove >= needs.mass;
}
