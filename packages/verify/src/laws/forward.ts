/** Laws of a transformer's forward pass. The internal ones need no oracle; only the oracle sees a swapped norm. */
import fc from "fast-check";
import { type TinyModel, tinyModel, tokenRow } from "../arbitraries/models.js";
import type { PlainTensor } from "../oracles/checkpoint.js";
import { type Row, tabulate } from "../oracles/distribution.js";
import { gpt2Logits } from "../oracles/gpt2.js";
import { llamaLogits } from "../oracles/llama.js";
import type { ForwardOperations } from "../subject.js";
import { defineForwardLaw, type Judgement, type Law } from "./law.js";

/** The oracle's logits of a plain model, `[T][V]`. */
export function oracleLogits(model: TinyModel, tokens: readonly number[]): Float64Array[] {
  return model.family === "llama"
    ? llamaLogits(model.config, model.tensors, tokens)
    : gpt2Logits(model.config, model.tensors, tokens);
}

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
  return roundings * unitRoundoff * (1 + size + compareRows(moved, exact) / 2 ** -20);
}

/** Every weight times 1 ± `relative`, the sign changing irregularly from one to the next. */
function nudgeWeights(model: TinyModel, relative: number): TinyModel {
  const nudge = ({ shape, data }: PlainTensor): PlainTensor => ({
    shape,
    data: tabulate(data.length, (i) => data[i]! * (1 + (Math.sin(i * i + 1) > 0 ? relative : -relative))),
  });
  const tensors = new Map([...model.tensors].map(([name, tensor]) => [name, nudge(tensor)]));
  return { ...model, tensors };
}

/** Largest difference; Infinity when the shapes differ. */
function compareRows(actual: readonly Row[], expected: readonly Row[]): number {
  if (actual.length !== expected.length) return Number.POSITIVE_INFINITY;
  return Math.max(
    ...expected.map((row, t) => Math.max(...tabulate(row.length, (v) => Math.abs(actual[t]![v]! - row[v]!)))),
  );
}

const byOracle = defineForwardLaw({
  name: "forward-by-definition",
  statement: "The logits at every position are those of nested loops in float64.",
  needs: ["logits"],
  cases: fc.record({ model: tinyModel, tokens: tokenRow }),
  async judge(subject, { model, tokens }) {
    const error = compareRows(await subject.logits(model, tokens), oracleLogits(model, tokens));
    return { error, tolerance: logitTolerance(model, tokens, subject.unitRoundoff) };
  },
});

const causal = defineForwardLaw({
  name: "forward-is-causal",
  statement: "What follows a position does not change its logits.",
  needs: ["logits"],
  cases: fc.record({ model: tinyModel, tokens: tokenRow, later: tokenRow, other: tokenRow }),
  async judge(subject, { model, tokens, later, other }) {
    const one = await subject.logits(model, [...tokens, ...later]);
    const two = await subject.logits(model, [...tokens, ...other]);
    const error = compareRows(one.slice(0, tokens.length), two.slice(0, tokens.length));
    return { error, tolerance: 2 * logitTolerance(model, tokens, subject.unitRoundoff) };
  },
});

const stepwise = defineForwardLaw({
  name: "prefill-equals-steps",
  statement: "Tokens given at once or one by one through the cache give the same logits.",
  needs: ["logits", "logitsInSteps"],
  cases: fc.record({ model: tinyModel, tokens: tokenRow, cut: fc.nat({ max: 7 }) }),
  async judge(subject, { model, tokens, cut }) {
    const steps = await subject.logitsInSteps(model, tokens, 1 + (cut % tokens.length));
    const error = compareRows(steps, await subject.logits(model, tokens));
    return { error, tolerance: 2 * logitTolerance(model, tokens, subject.unitRoundoff) };
  },
});

const rowwise = defineForwardLaw({
  name: "rows-equal-single",
  statement: "Rows of different lengths in one batch give what each gives alone.",
  needs: ["logits", "lastLogitsOfRows"],
  cases: fc.record({ model: tinyModel, tokenRows: fc.array(tokenRow, { minLength: 1, maxLength: 3 }) }),
  async judge(subject, { model, tokenRows }) {
    const together = await subject.lastLogitsOfRows(model, tokenRows);
    const judgements = await Promise.all(
      tokenRows.map((tokens, row) => judgeRow(subject, model, tokens, together[row] ?? [])),
    );
    return judgements.reduce((left, right) =>
      left.error / left.tolerance >= right.error / right.tolerance ? left : right,
    );
  },
});

async function judgeRow(
  subject: Pick<ForwardOperations, "logits"> & { readonly unitRoundoff: number },
  model: TinyModel,
  tokens: readonly number[],
  last: Row,
): Promise<Judgement> {
  const alone = await subject.logits(model, tokens);
  const error = compareRows([last], alone.slice(-1));
  return { error, tolerance: 2 * logitTolerance(model, tokens, subject.unitRoundoff) };
}

/** All of them. */
export const forwardLaws: readonly Law<ForwardOperations>[] = [byOracle, causal, stepwise, rowwise];
