/** All blocks of a model as one piece of work: nothing comes back to TensorFlow.js in between. */
import type { Tensor2D } from "@tensorflow/tfjs-core";
import type { Rows } from "../memory/scratch-parts.js";
import {
  type AttentionShape,
  type BlockPlace,
  type PlacedPlan,
  placePlan,
  type StepPlan,
  writeAttention,
} from "./attend.js";
import {
  type FeedForward,
  type Linear,
  type Norm,
  type WeightParts,
  writeAddProduct,
  writeFeedForward,
  writeNormProduct,
} from "./operations.js";
import { type Place, runIn } from "./place.js";

/** x + attention(norm x), and then its feed-forward. */
export interface Block<Parts = WeightParts> extends Omit<BlockPlace, "block"> {
  readonly attentionNorm: Norm;
  /** Queries, keys and values side by side. */
  readonly qkv: Linear<Parts>;
  readonly out: Linear<Parts>;
  /** Of what attention gives. */
  readonly outNorm?: Norm | undefined;
  readonly feedForward: FeedForward<Parts>;
}

/** @param plans of each block; those that turn their heads alike share one */
export function runBlocks(
  shape: AttentionShape,
  blocks: readonly Block[],
  plans: readonly StepPlan[],
  x_ND: Tensor2D,
): Tensor2D {
  return runIn(blocks[0]!.qkv.parts[0]!.pool, [x_ND], (place, x) => {
    const placed = new Map<StepPlan, PlacedPlan>();
    for (const plan of new Set(plans)) placed.set(plan, placePlan(place, shape, plan));
    for (const [i, block] of blocks.entries())
      place.scratch.inTurn(() => writeBlock(place, shape, placed.get(plans[i]!)!, i, block, x!));
    return x!;
  });
}

/** Puts what blocks and a last product need beside their weights. */
export function holdParameters(blocks: readonly Block[], norm: Norm, head: Linear): void {
  const hold = ({ parts, biases = [] }: Linear, norms: readonly (Norm | undefined)[]) => {
    for (const { weight_D, bias_D } of norms.filter((own) => own !== undefined))
      for (const parameter of bias_D ? [weight_D, bias_D] : [weight_D]) parts[0]!.beside([parameter]);
    if (biases.length > 0) parts[0]!.beside(biases);
  };
  for (const { attentionNorm, qkv, headNorm, out, outNorm, feedForward } of blocks) {
    const { gate, up, down } = feedForward;
    if (headNorm) qkv.parts[0]!.beside([headNorm.weight_X]);
    hold(qkv, [attentionNorm]);
    hold(out, [outNorm]);
    hold(up, [feedForward.norm]);
    if (gate) hold(gate, []);
    hold(down, [feedForward.outNorm]);
  }
  hold(head, [norm]);
}

function writeBlock(
  place: Place,
  shape: AttentionShape,
  plan: PlacedPlan,
  i: number,
  { attentionNorm, qkv, headNorm, window, out, outNorm, feedForward }: Block,
  x: Rows,
): void {
  const turned = writeNormProduct(place, x, attentionNorm, qkv);
  const normAt = headNorm && qkv.parts[0]!.beside([headNorm.weight_X]);
  const mixed = writeAttention(place, shape, plan, { block: i, window, headNorm }, turned, normAt);
  writeAddProduct(place, x, mixed, out, outNorm);
  writeFeedForward(place, x, feedForward);
}
