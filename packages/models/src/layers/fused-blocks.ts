/**
 * A forward pass by fused operations, where kernels hold the weights: what a family's own pass does, in the same order, by one
 * call for all blocks, and a cache in pages that is written in place. H query heads · G key/value heads ·
 * K: width of a head · Q = (H + 2G)·K.
 */
import { type Tensor1D, type Tensor2D, tidy } from "@tensorflow/tfjs-core";
import type { ForwardPass, ForwardResult, ParameterTree, TokenBatch } from "../family.js";
import {
  type CachePage,
  type FusedBlock,
  type FusedLinear,
  type FusedNorm,
  type FusedOperations,
  type FusedShape,
  type StepPlan,
  storedKernels,
} from "../weights/stored-kernels.js";
import type { Weight } from "../weights/weight.js";
import type { HeadShape } from "./attention.js";
import type { RowCache } from "./kv-cache.js";
import { batchPositions } from "./rope.js";

export interface TurningBlock extends FusedBlock {
  /** Radians per position of K/2 channel pairs; zeros where heads don't turn. */
  readonly frequencies: Float64Array;
}

export interface FusedModel {
  readonly heads: HeadShape;
  /** Factor on the scores. */
  readonly scale: number;
  /** States of new tokens, which have these positions in their rows: `[N, D]`. */
  readonly embed: (ids_N: Int32Array, positions: readonly number[]) => Tensor2D;
  readonly blocks: readonly TurningBlock[];
  readonly norm: FusedNorm;
  readonly head: FusedLinear;
}

/** Whether kernels hold every weight of a model, and its heads are made of whole vectors. */
export function canFuse({ blocks, ...top }: ParameterTree, { headWidth }: HeadShape): boolean {
  const weights = [top, ...blocks].flatMap((holder) => Object.values(holder)).filter(isWeight);
  const areHeld = weights.every(({ kernelParts }) => kernelParts !== undefined);
  return storedKernels()?.fuse !== undefined && areHeld && headWidth % 4 === 0;
}

const isWeight = (parameter: unknown): parameter is Weight =>
  typeof parameter === "object" && parameter !== null && "lookUp" in parameter;

/** Weights of a model that {@link canFuse} says yes to, their outputs side by side. */
export function fusedLinear(weights: readonly Weight[], biases: readonly Tensor1D[] = []): FusedLinear {
  return { parts: weights.flatMap(({ kernelParts }) => kernelParts!), biases };
}

/** Made once for a model. */
interface Fused {
  readonly model: FusedModel;
  readonly operations: FusedOperations;
  readonly shape: FusedShape;
}

export function fuseBlocks(model: FusedModel): Pick<ForwardPass, "forward" | "head"> {
  const { heads, scale, blocks, norm, head } = model;
  const { groups, headWidth } = heads;
  const operations = storedKernels()!.fuse!(head.parts[0]!);
  operations.hold(blocks, norm, head);
  const tokenWidth = groups * headWidth;
  const shape = { blockCount: blocks.length, tokenWidth, heads: heads.heads, groups, headWidth, scale };
  const fused = { model, operations, shape };
  return {
    forward: (batch, caches) => forward(fused, batch, caches),
    head: (states_ND) => operations.normProduct(states_ND, norm, head),
  };
}

/** A pass over constants, which are freed with it, or at once where it finds no room. */
export function passOver(
  make: () => Pick<ForwardPass, "forward" | "head">,
  dispose: () => void,
): ForwardPass {
  try {
    return { ...make(), dispose };
  } catch (error) {
    dispose();
    throw error;
  }
}

/** A row's old pages are written to behind its end alone, so that a pass that fails leaves the row as it was. */
function forward(fused: Fused, { ids_N, lengths }: TokenBatch, caches: readonly RowCache[]): ForwardResult {
  const grown: RowCache[] = [];
  try {
    for (const [b, cache] of caches.entries()) grown.push(growCache(fused, cache, lengths[b]!));
    return { states_ND: tidy(() => runBlocks(fused, ids_N, lengths, caches, grown)), caches: grown };
  } catch (error) {
    const kept = new Set(caches.flatMap(({ pages = [] }) => pages));
    for (const page of new Set(grown.flatMap(({ pages = [] }) => pages))) if (!kept.has(page)) page.dispose();
    throw error;
  }
}

function growCache(
  { operations, shape }: Fused,
  { length, blocks, pages = [] }: RowCache,
  newTokens: number,
): RowCache & { readonly pages: readonly CachePage[] } {
  const grown = operations.growPages(shape, pages, length, newTokens);
  return { length: length + newTokens, blocks, pages: grown };
}

function runBlocks(
  fused: Fused,
  ids_N: Int32Array,
  lengths: readonly number[],
  caches: readonly RowCache[],
  grown: readonly RowCache[],
): Tensor2D {
  const { model, operations, shape } = fused;
  const positions = batchPositions(lengths, caches);
  const rows = grown.map(({ pages }, b) => ({ pages: pages!, length: caches[b]!.length }));
  const plans = planBlocks(model.blocks, { rows, lengths }, positions);
  return operations.runBlocks(shape, model.blocks, plans, model.embed(ids_N, positions));
}

/** A step's plan of each block: one for those that turn their heads alike, so that angles are computed once. */
function planBlocks(
  blocks: readonly TurningBlock[],
  where: Pick<StepPlan, "rows" | "lengths">,
  positions: readonly number[],
): StepPlan[] {
  const plans = new Map<Float64Array, StepPlan>();
  return blocks.map(({ frequencies }) => {
    const plan = plans.get(frequencies) ?? { ...where, ...angles(positions, frequencies) };
    plans.set(frequencies, plan);
    return plan;
  });
}

/** Cosines and sines of each token's position, in float64 before they are stored. */
function angles(positions: readonly number[], frequencies: Float64Array) {
  const half = frequencies.length;
  const [cos, sin] = [new Float32Array(positions.length * half), new Float32Array(positions.length * half)];
  for (const [n, position] of positions.entries())
    for (let i = 0; i < half; i++) {
      cos[n * half + i] = Math.cos(position * frequencies[i]!);
      sin[n * half + i] = Math.sin(position * frequencies[i]!);
    }
  return { cos, sin };
}
