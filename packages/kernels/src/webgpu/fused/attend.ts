/** Norms of heads, rotation, the append to the cache and attention over it: two programs a block. Letters as in ../programs/heads.ts. */
import { type Tensor, type Tensor1D, type Tensor2D, tensor1d, tensor2d } from "@tensorflow/tfjs-core";
import type { AttentionShape, BlockPlace, StepPlan } from "../../fused/attend.js";
import { real, runOnCard, whole } from "../card.js";
import { appendProgram } from "../programs/append.js";
import { attendProgram } from "../programs/attend.js";
import type { CardPages } from "./card-pages.js";

/** What all blocks of a step read. */
export interface PlacedPlan extends StepPlan {
  readonly table_T: Tensor1D;
  readonly angles_NK: Tensor2D;
}

/** Puts a plan on the card; its tensors go with the tidy that runs. */
export function placePlan(plan: StepPlan): PlacedPlan {
  const { rows, lengths, cos, sin } = plan;
  const count = lengths.reduce((sum, length) => sum + length, 0);
  const half = cos.length / count;
  const angles = new Float32Array(2 * cos.length);
  for (let n = 0; n < count; n++)
    for (const [i, part] of [cos, sin].entries())
      angles.set(part.subarray(n * half, (n + 1) * half), (2 * n + i) * half);
  const tokens: number[] = [];
  const pages: number[] = [];
  for (const [b, row] of rows.entries()) {
    for (let t = 1; t <= lengths[b]!; t++) tokens.push(row.length + t, 2 * count + pages.length);
    pages.push(...row.pages.map(({ at }) => at));
  }
  const table_T = tensor1d([...tokens, ...pages], "int32");
  return { ...plan, table_T, angles_NK: tensor2d(angles, [count, 2 * half]) };
}

/** @param qkv_NQ queries, keys and values side by side */
export function attend(
  pages: CardPages,
  { heads, groups, headWidth, scale }: AttentionShape,
  { table_T, angles_NK }: PlacedPlan,
  { block, window, headNorm }: BlockPlace,
  qkv_NQ: Tensor2D,
): Tensor2D {
  const sizes = { heads, groups, headWidth, isNormed: headNorm !== undefined };
  const given: Tensor[] = [qkv_NQ, angles_NK, table_T, ...(headNorm ? [headNorm.weight_X] : [])];
  const epsilon = real(headNorm?.epsilon ?? 0);
  const count = qkv_NQ.shape[0];
  return runOnCard(given, (card) => {
    const buffer = pages.buffer(block);
    card.run(appendProgram(sizes, count, buffer.shape), given, [epsilon], buffer);
    const uniforms = [epsilon, real(scale), whole(Math.min(window, 2 ** 31 - 1))];
    return card.run(attendProgram(card.backend, sizes, count), [...given, buffer], uniforms);
  });
}
