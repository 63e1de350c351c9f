/** Which rows of a session belong to one answer: what an engine must know that gives the most probable tokens only. */
import type { NeededTokens } from "../methods/method.js";

/** Rows whose policies are weighed against one another. */
export interface WeighedRows {
  /** Places of the rows: the base prompt's first where it is read beside others, then those of the preferences. */
  readonly rows: readonly number[];
  /** What must be given of the preferences' policies, see `Method.needs`. */
  readonly needs: NeededTokens;
}

/** Those rows whose policy a mask looks at: the preferences', or the only one. */
export function maskedRows<Row>(rows: readonly Row[]): readonly Row[] {
  return rows.length > 1 ? rows.slice(1) : rows;
}

/**
 * Whether all tokens that a method needs of a policy are among the given ones. A token that is not weighs at most what all of
 * them do.
 *
 * @param logBest log-probability of the most probable token
 * @param logRest log of what all tokens that are not given weigh together
 */
export function areGiven(needs: NeededTokens, logBest: number, logRest: number): boolean {
  if (needs === "given") return true;
  if (needs === "whole") return logRest === Number.NEGATIVE_INFINITY;
  return "share" in needs ? logRest < logBest + Math.log(needs.share) : 1 - Math.exp(logRest) >= needs.mass;
}
