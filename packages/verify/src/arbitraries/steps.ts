/** What a step may meet: utilities of any history, and problems mild enough for slow optimisers. */
import fc from "fast-check";
import { closedForm } from "../oracles/amulet.js";
import { logSoftmax } from "../oracles/distribution.js";
import type { StepProblem } from "../oracles/objective.js";
import { type LogitPair, rowBeside, spareRow } from "./rows.js";

/** u_1 … u_t of 1 to 6 steps, whatever may have caused them; {@link utilitiesBeside} cuts them to a vocabulary. */
export const utilityHistory = fc.array(spareRow, { minLength: 1, maxLength: 6 });

/** A history's rows, as long as a pair's. */
export function utilitiesBeside(pair: LogitPair, history: readonly (readonly number[])[]): Float32Array[] {
  return history.map((spare) => Float32Array.from(rowBeside(pair, spare)));
}

/** A step's problem and where an optimiser starts. */
export interface StepStart {
  readonly problem: StepProblem;
  /** log π_0. */
  readonly logStart: Float64Array;
  /** log π*, by the formula that the optimiser does not know. */
  readonly target: Float64Array;
}

const mildLogit = fc.integer({ min: -8, max: 8 }).map((eighth) => eighth / 8);

/**
 * Rows within ±1 over 2 to 5 tokens. Projected gradients need time in inverse proportion to the smallest
 * probability, which here is above exp(−4)/5.
 */
export const mildStart: fc.Arbitrary<StepStart> = fc
  .record({
    tokens: fc.array(fc.tuple(mildLogit, mildLogit, mildLogit, mildLogit), { minLength: 2, maxLength: 5 }),
    lambda: fc.constantFrom(1, 2, 4),
    proximal: fc.constantFrom(1, 0.5, 0.1, 0.01),
  })
  .map((drawn) => {
    const column = (which: 0 | 1 | 2 | 3) => drawn.tokens.map((token) => token[which]);
    const { lambda, proximal } = drawn;
    const problem: StepProblem = {
      meanUtility: column(0),
      logReference: logSoftmax(column(1)),
      logCurrent: logSoftmax(column(2)),
      lambda,
      proximal,
    };
    const write = () =>
      `utility ${fc.stringify(column(0))}, reference logits ${fc.stringify(column(1))}, ` +
      `current logits ${fc.stringify(column(2))}, λ ${lambda}, 1/(ηt) ${proximal}, start logits ${fc.stringify(column(3))}`;
    return {
      problem,
      logStart: logSoftmax(column(3)),
      target: closedForm(problem),
      [fc.toStringMethod]: write,
    };
  });
