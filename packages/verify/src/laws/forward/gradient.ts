/** A law of training: the gradient that comes out of a forward pass is the slope of what goes in. */
import fc from "fast-check";
import { type TinyModel, tokenRow } from "../../arbitraries/models.js";
import { type Row, sumOver, tabulate } from "../../oracles/distribution.js";
import type { ForwardOperations, LossAndGradient } from "../../subject.js";
import type { Judgement } from "../judgement.js";
import { defineForwardLaw, type Law } from "../law.js";
import { compareNumbers, worstOf } from "../tolerance.js";
import { nudgeWeights, oracleLoss } from "./oracle-logits.js";

/** Roundings of a weight's derivative: forward and backward pass, sums of at most 40 terms each. */
const roundings = 128;

/**
 * In one tensor at a time, along one direction that moves all of its numbers: if a single derivative is off, so is
 * the slope. Which tensor is part of the case, and of a counterexample.
 */
export function gradientLaw(models: fc.Arbitrary<TinyModel>): Law<ForwardOperations> {
  return defineForwardLaw({
    name: "gradient-by-differences",
    statement:
      "The loss is the mean −log p of the next tokens, and its gradient by each tensor the slope that central differences of the float64 oracle see.",
    needs: ["lossAndGradient"],
    cases: fc.record({
      model: models,
      tokens: fc.tuple(tokenRow, tokenRow).map((rows) => rows.flat()),
      // The first one, the embedding, has two uses in most models.
      tensor: fc.oneof(fc.constant(0), fc.nat({ max: 999 }), fc.nat({ max: 999 })),
    }),
    async judge(subject, { model, tokens, tensor }) {
      // The subject gets numbers of its own: the oracle reads the model again afterwards.
      const answer = await subject.lossAndGradient(copyOf(model), tokens);
      const names = [...model.tensors.keys()];
      const absent = names.filter((name) => !answer.gradient.has(name));
      if (absent.length > 0) return missing(absent);
      const loss = judgeLoss(model, tokens, answer.loss, subject.unitRoundoff);
      const name = names[tensor % names.length]!;
      return worstOf([loss, judgeSlope(model, tokens, name, answer, subject.unitRoundoff)]);
    },
  });
}

function copyOf(model: TinyModel): TinyModel {
  const copies = Array.from(model.tensors, ([name, { shape, data }]) => {
    return [name, { shape, data: tabulate(data.length, (i) => data[i]!) }] as const;
  });
  return { ...model, tensors: new Map(copies) };
}

function missing(names: readonly string[]): Judgement {
  const compared = {
    what: "gradient",
    expected: "one for every tensor",
    got: `none for ${names.join(", ")}`,
  };
  return { error: Number.POSITIVE_INFINITY, tolerance: 0, compared };
}

/** As for the logits: the exact loss of weights that are off by a few u. */
function judgeLoss(model: TinyModel, tokens: readonly number[], got: number, unitRoundoff: number) {
  const expected = oracleLoss(model, tokens);
  const moved = Math.abs(oracleLoss(nudgeWeights(model, 2 ** -20), tokens) - expected) / 2 ** -20;
  return compareNumbers("loss", got, expected, roundings * unitRoundoff * (1 + expected + moved));
}

function judgeSlope(
  model: TinyModel,
  tokens: readonly number[],
  name: string,
  { gradient }: LossAndGradient,
  unitRoundoff: number,
): Judgement {
  const size = model.tensors.get(name)!.data.length;
  const direction = tabulate(size, (i) => (Math.sin(i * i + 2) > 0 ? 1 : -1) / Math.sqrt(size));
  const row = gradient.get(name)!;
  if (row.length !== size) return compareNumbers(`length of the gradient by ${name}`, row.length, size, 0);
  const got = sumOver(size, (i) => row[i]! * direction[i]!);
  const { slope, error } = slopeAlong(model, tokens, name, direction);
  // A stable backward pass is the exact one of weights that are off by a few u, and its sums round once more.
  const moved = slopeAlong(nudgeWeights(model, 2 ** -20), tokens, name, direction).slope;
  const sensitivity = Math.abs(moved - slope) / 2 ** -20;
  const terms = sumOver(size, (i) => Math.abs(row[i]! * direction[i]!));
  const tolerance = roundings * unitRoundoff * (1 + terms + sensitivity) + error;
  return compareNumbers(`slope along a direction of ${name}`, got, slope, tolerance);
}

/** Step of the differences along a direction of length 1. */
const widestStep = 2 ** -8;

/**
 * Central differences at h, h/2 and h/4, extrapolated to h = 0 twice (Richardson): the fourth power of h is what
 * is left, and the two extrapolations differ by more than that. The loss is rounded to some 2^-50.
 */
function slopeAlong(model: TinyModel, tokens: readonly number[], name: string, direction: Row) {
  const central = (step: number) =>
    (lossAlong(model, tokens, name, direction, step) - lossAlong(model, tokens, name, direction, -step)) /
    (2 * step);
  const [wide, middle, narrow] = [1, 2, 4].map((part) => central(widestStep / part)) as [
    number,
    number,
    number,
  ];
  const first = (4 * middle - wide) / 3;
  const second = (4 * narrow - middle) / 3;
  const slope = (16 * second - first) / 15;
  return { slope, error: Math.abs(second - first) + 2 ** -50 / (widestStep / 4) };
}

function lossAlong(
  model: TinyModel,
  tokens: readonly number[],
  name: string,
  direction: Row,
  step: number,
): number {
  const { shape, data } = model.tensors.get(name)!;
  const moved = { shape, data: tabulate(data.length, (i) => data[i]! + step * direction[i]!) };
  return oracleLoss({ ...model, tensors: new Map([...model.tensors, [name, moved]]) }, tokens);
}
