/** Laws of a transformer's forward pass. The internal ones need no oracle; only the oracle sees a swapped norm. */
import fc from "fast-check";
import { type TinyModel, tinyModel, tokenRow } from "../../arbitraries/models.js";
import { type Row, tabulate } from "../../oracles/distribution.js";
import type { Awaitable, ForwardOperations } from "../../subject.js";
import type { Judgement } from "../judgement.js";
import { defineForwardLaw, type Law } from "../law.js";
import { countLeft, lawOfAny } from "../memory.js";
import { worstOf } from "../tolerance.js";
import { gradientLaw } from "./gradient.js";
import { nudgeWeights, oracleLogits } from "./oracle-logits.js";

/** Roundings that a weight meets on its way through these models: sums of at most 32 terms, a few blocks. */
const roundings = 32;

/**
 * What rounding may do to the logits: a stable forward pass is the exact one of weights that are off by a few u.
 * So the oracle runs once more with every weight off by ±2^-20, and the change is scaled to the subject's u.
 */
function logitTolerance(model: TinyModel, tokens: readonly number[], unitRoundoff: number): number {
  const exact = oracleLogits(model, tokens);
  const moved = oracleLogits(nudgeWeights(model, 2 ** -20), tokens);
  const size = Math.max(...exact.map((row) => Math.max(...row.map(Math.abs))));
  return roundings * unitRoundoff * (1 + size + compareLogits(moved, exact, 1).error / 2 ** -20);
}

/** Compares logits position by position. */
function compareLogits(
  got: readonly Row[],
  expected: readonly Row[],
  tolerance: number,
  first = 0,
): Judgement {
  if (got.length !== expected.length) {
    const compared = { what: "number of positions", expected: expected.length, got: got.length };
    return { error: Number.POSITIVE_INFINITY, tolerance, compared };
  }
  return worstOf(
    expected.map((row, t) => {
      const off = tabulate(row.length, (v) => Math.abs(got[t]![v]! - row[v]!));
      const error = got[t]!.length === row.length ? Math.max(...off) : Number.POSITIVE_INFINITY;
      const compared = { what: `logits at position ${first + t}`, expected: row, got: got[t]! };
      return { error, tolerance, compared: { ...compared, entry: Math.max(0, off.indexOf(error)) } };
    }),
  );
}

/** Laws of forward passes on these models: all families, or those that a subject has. */
export function forwardLawsFor(models: fc.Arbitrary<TinyModel>): readonly Law<ForwardOperations>[] {
  const byOracle = defineForwardLaw({
    name: "forward-by-definition",
    statement: "The logits at every position are those of nested loops in float64.",
    needs: ["logits"],
    cases: fc.record({ model: models, tokens: tokenRow }),
    async judge(subject, { model, tokens }) {
      const tolerance = logitTolerance(model, tokens, subject.unitRoundoff);
      // The oracle first: what a subject does to the model that it was lent changes nothing here.
      const expected = oracleLogits(model, tokens);
      return compareLogits(await subject.logits(model, tokens), expected, tolerance);
    },
  });

  const causal = defineForwardLaw({
    name: "forward-is-causal",
    statement: "What follows a position does not change its logits.",
    needs: ["logits"],
    cases: fc.record({ model: models, tokens: tokenRow, later: tokenRow, other: tokenRow }),
    async judge(subject, { model, tokens, later, other }) {
      const tolerance = 2 * logitTolerance(model, tokens, subject.unitRoundoff);
      const one = await subject.logits(model, [...tokens, ...later]);
      const two = await subject.logits(model, [...tokens, ...other]);
      return compareLogits(one.slice(0, tokens.length), two.slice(0, tokens.length), tolerance);
    },
  });

  const stepwise = defineForwardLaw({
    name: "prefill-equals-steps",
    statement: "Tokens given at once or one by one through the cache give the same logits.",
    needs: ["logits", "logitsInSteps"],
    cases: fc.record({ model: models, tokens: tokenRow, cut: fc.nat({ max: 7 }) }),
    async judge(subject, { model, tokens, cut }) {
      const tolerance = 2 * logitTolerance(model, tokens, subject.unitRoundoff);
      const steps = await subject.logitsInSteps(model, tokens, 1 + (cut % tokens.length));
      return compareLogits(steps, await subject.logits(model, tokens), tolerance);
    },
  });

  const rowwise = defineForwardLaw({
    name: "rows-equal-single",
    statement: "Rows of different lengths in one batch give what each gives alone.",
    needs: ["logits", "lastLogitsOfRows"],
    cases: fc.record({ model: models, tokenRows: fc.array(tokenRow, { minLength: 1, maxLength: 3 }) }),
    async judge(subject, { model, tokenRows }) {
      const tolerances = tokenRows.map((tokens) => 2 * logitTolerance(model, tokens, subject.unitRoundoff));
      const together = await subject.lastLogitsOfRows(model, tokenRows);
      const judgements = tokenRows.map(async (tokens, row) => {
        const alone = await subject.logits(model, tokens);
        return compareLogits([together[row] ?? []], alone.slice(-1), tolerances[row]!, tokens.length - 1);
      });
      return worstOf(await Promise.all(judgements));
    },
  });

  const noTensorLeft = lawOfAny(forwardOperations, (own) =>
    defineForwardLaw({
      name: "no-tensor-left-by-forward",
      statement:
        "After a forward pass, at once, in steps or over several rows, as many tensors are alive as before.",
      needs: ["countTensors"],
      cases: fc.record({
        operation: fc.constantFrom(...own),
        model: models,
        tokens: fc.tuple(tokenRow, tokenRow).map((rows) => rows.flat()),
      }),
      async judge(subject, { operation, model, tokens }) {
        return countLeft(operation, subject, () => callForward(subject, operation, model, tokens));
      },
    }),
  );

  return [byOracle, causal, stepwise, rowwise, gradientLaw(models), noTensorLeft];
}

const forwardOperations = ["logits", "logitsInSteps", "lastLogitsOfRows", "lossAndGradient"] as const;
type ForwardOperation = (typeof forwardOperations)[number];

/** Calls an operation that the subject has. */
function callForward(
  subject: Partial<ForwardOperations>,
  operation: ForwardOperation,
  model: TinyModel,
  tokens: readonly number[],
): Awaitable<unknown> {
  switch (operation) {
    case "logitsInSteps":
      return subject.logitsInSteps?.(model, tokens, 1);
    case "lastLogitsOfRows":
      return subject.lastLogitsOfRows?.(model, [tokens, tokens.slice(1)]);
    default:
      return subject[operation]?.(model, tokens);
  }
}

/** All of them, on every family. */
export const forwardLaws: readonly Law<ForwardOperations>[] = forwardLawsFor(tinyModel);
