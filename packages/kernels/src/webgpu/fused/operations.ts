/**
 * What a model's block does between two reads of its weights, as few programs on the card; the same operations as
 * ../../fused/operations.ts tells them. N: rows of activations · D: width.
 */
import {
  concat,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  type TensorInfo,
  tidy,
} from "@tensorflow/tfjs-core";
import type * as fused from "../../fused/operations.js";
import type { Norm } from "../../fused/operations.js";
import { type Card, real, runOnCard } from "../card.js";
import {
  gatesAtOnce,
  multiplyGated,
  multiplyParts,
  type PackedParts,
  type ProductOptions,
  type RowNorm,
  takesNorm,
} from "../products.js";
import { activateProgram } from "../programs/activate.js";
import { normProgram } from "../programs/norm.js";
import type { Activation } from "../wgsl/activations.js";

type Linear = fused.Linear<PackedParts>;
type FeedForward = fused.FeedForward<PackedParts>;

export function normProduct(x_ND: Tensor2D, norm: Norm, linear: Linear): Tensor2D {
  return tidy(() => {
    const own = withFewBiases(linear);
    return runOnCard([x_ND, ...tensorsOf(norm), ...biasesOf(own)], (card) => {
      const [x, taken] = normRows(card, x_ND, norm);
      return multiplyParts(card, x, own.parts, { ...taken, biases: biasesOf(own) });
    });
  });
}

export function addProduct(x_NE: Tensor2D, linear: Linear, y_ND: Tensor2D, norm?: Norm): Tensor2D {
  return tidy(() => {
    const own = withFewBiases(linear);
    return runOnCard([x_NE, y_ND, ...biasesOf(own), ...tensorsOf(norm)], (card) =>
      addTo(card, y_ND, x_NE, own, norm),
    );
  });
}

export function addFeedForward(x_ND: Tensor2D, feedForward: FeedForward): Tensor2D {
  return tidy(() => {
    const { norm, activation, outNorm } = feedForward;
    const [up, down] = [withFewBiases(feedForward.up), withFewBiases(feedForward.down)];
    const gate = feedForward.gate && withFewBiases(feedForward.gate);
    const given = [
      ...[norm, outNorm].flatMap(tensorsOf),
      ...[up, down, ...(gate ? [gate] : [])].flatMap(biasesOf),
    ];
    return runOnCard([x_ND, ...given], (card) => {
      const [x, taken] = normRows(card, x_ND, norm);
      const active = gate
        ? gated(card, x, gate, up, { ...taken, activation })
        : multiplyParts(card, x, up.parts, { ...taken, activation, biases: biasesOf(up) });
      return addTo(card, x_ND, active, down, outNorm);
    });
  });
}

function gated(
  card: Card,
  x: TensorInfo,
  gate: Linear,
  up: Linear,
  options: ProductOptions & { readonly activation: Activation },
): TensorInfo {
  const areBiased = biasesOf(gate).length + biasesOf(up).length > 0;
  if (!areBiased && gatesAtOnce(x.shape, gate.parts, up.parts))
    return multiplyGated(card, x, [gate.parts, up.parts], options);
  const { norm } = options;
  const [gates, ups] = [gate, up].map((linear) =>
    multiplyParts(card, x, linear.parts, { norm, biases: biasesOf(linear) }),
  ) as [TensorInfo, TensorInfo];
  return card.run(activateProgram(gates.shape, options.activation, true), [gates, ups]);
}

/** y + x·w, or y + norm(x·w). */
function addTo(card: Card, y: TensorInfo, x: TensorInfo, linear: Linear, norm?: Norm): TensorInfo {
  const biases = biasesOf(linear);
  if (!norm) return multiplyParts(card, x, linear.parts, { biases, y });
  return runNorm(card, multiplyParts(card, x, linear.parts, { biases }), norm, y);
}

/** Rows with their norm, or the rows and the norm that their product takes. */
function normRows(card: Card, x: TensorInfo, norm: Norm): [TensorInfo, { readonly norm?: RowNorm }] {
  const { weight_D: weight, bias_D, epsilon } = norm;
  if (!bias_D && takesNorm(x.shape)) return [x, { norm: { weight, epsilon } }];
  return [runNorm(card, x, norm), {}];
}

function runNorm(card: Card, x: TensorInfo, { weight_D, bias_D, epsilon }: Norm, y?: TensorInfo): TensorInfo {
  const kind = { hasBias: bias_D !== undefined, adds: y !== undefined };
  const inputs = [x, weight_D, ...(bias_D ? [bias_D] : []), ...(y ? [y] : [])];
  return card.run(normProgram(card.backend, x.shape as [number, number], kind), inputs, [real(epsilon)]);
}

const tensorsOf = (norm?: Norm): Tensor[] =>
  norm ? [norm.weight_D, ...(norm.bias_D ? [norm.bias_D] : [])] : [];

const biasesOf = ({ biases = [] }: Linear): readonly Tensor1D[] => biases;

/** A program reads two tensors of biases; more of them, which no family has, are joined. */
function withFewBiases({ parts, biases = [] }: Linear): Linear {
  return { parts, biases: biases.length > 2 ? [concat([...biases])] : biases };
}
