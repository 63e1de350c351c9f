/**
 * The forward pass of llama.ts by fused operations, where kernels hold the weights: the same steps in the same order, four
 * calls a block in place of fifty, and a cache in pages that is written in place. Letters as in llama.ts.
 */
import type { Tensor2D } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import type { ForwardPass, ForwardResult, TokenBatch } from "../family.js";
import type { RowCache } from "../layers/kv-cache.js";
import { batchPositions } from "../layers/rope.js";
import { tidy } from "../layers/tidy.js";
import {
  type CachePage,
  type FusedOperations,
  type FusedShape,
  type StepPlan,
  storedKernels,
} from "../weights/stored-kernels.js";
import type { KernelPart, Weight } from "../weights/weight.js";
import type { Constants, LlamaBlock, LlamaConfig, LlamaParameters } from "./llama-types.js";

type Parts = readonly KernelPart[];

/** A block's weights as kernels hold them. */
interface BlockParts {
  readonly qk: Parts;
  readonly v: Parts;
  readonly out: Parts;
  readonly gate: Parts;
  readonly up: Parts;
  readonly down: Parts;
}

/** Made once for a model. */
interface Fused<Block extends LlamaBlock> {
  readonly constants: Constants<Block>;
  readonly parameters: LlamaParameters<Block>;
  readonly blocks: readonly BlockParts[];
  readonly head: Parts;
  readonly operations: FusedOperations;
  readonly shape: FusedShape;
  readonly epsilon: number;
}

/** The fused pass, where kernels hold every weight of a model whose heads are made of whole vectors. */
export function fuseLlama<Block extends LlamaBlock>(
  constants: Constants<Block>,
  config: LlamaConfig,
  parameters: LlamaParameters<Block>,
): Pick<ForwardPass, "forward" | "head"> | undefined {
  const { heads, groups, headWidth, blockCount, normEpsilon: epsilon } = config;
  const kernels = storedKernels();
  const head = parameters.head_DV.kernelParts;
  const blocks = parameters.blocks.map(partsOf);
  if (!kernels?.fuse || !head || headWidth % 4 !== 0 || !blocks.every((parts) => parts !== undefined))
    return undefined;
  const shape = {
    ...{ blockCount, heads, groups, headWidth },
    tokenWidth: groups * headWidth,
    scale: headWidth ** -0.5,
  };
  const operations = kernels.fuse(head[0]!);
  const fused = { constants, parameters, blocks, head, operations, shape, epsilon };
  return {
    forward: (batch, caches) => forward(fused, batch, caches),
    head: (states_ND) => operations.normProducts(states_ND, parameters.norm_D, epsilon, [head])[0]!,
  };
}

function partsOf({ wqk_DX, wv_DM, wo_ED, wGate_DF, wUp_DF, wDown_FD }: LlamaBlock): BlockParts | undefined {
  const weights = [wqk_DX, wv_DM, wo_ED, wGate_DF, wUp_DF, wDown_FD].map(
    (weight: Weight) => weight.kernelParts,
  );
  if (!weights.every((parts) => parts !== undefined)) return undefined;
  const [qk, v, out, gate, up, down] = weights as [Parts, Parts, Parts, Parts, Parts, Parts];
  return { qk, v, out, gate, up, down };
}

/** A row's old pages are written to behind its end alone, so that a pass that fails leaves the row as it was. */
function forward<Block extends LlamaBlock>(
  fused: Fused<Block>,
  { ids_N, lengths }: TokenBatch,
  caches: readonly RowCache[],
): ForwardResult {
  const grown: RowCache[] = [];
  try {
    for (const [b, cache] of caches.entries()) grown.push(growCache(fused, cache, lengths[b]!));
    return { states_ND: tf.tidy(() => runBlocks(fused, ids_N, lengths, caches, grown)), caches: grown };
  } catch (error) {
    const kept = new Set(caches.flatMap(({ pages = [] }) => pages));
    for (const page of new Set(grown.flatMap(({ pages = [] }) => pages))) if (!kept.has(page)) page.dispose();
    throw error;
  }
}

function growCache<Block extends LlamaBlock>(
  { operations, shape }: Fused<Block>,
  { length, blocks, pages = [] }: RowCache,
  newTokens: number,
): RowCache & { readonly pages: readonly CachePage[] } {
  const grown = operations.growPages(shape, pages, length, newTokens);
  return { length: length + newTokens, blocks, pages: grown };
}

function runBlocks<Block extends LlamaBlock>(
  fused: Fused<Block>,
  ids_N: Int32Array,
  lengths: readonly number[],
  caches: readonly RowCache[],
  grown: readonly RowCache[],
): Tensor2D {
  const { constants, parameters } = fused;
  const rows = grown.map(({ pages }, b) => ({ pages: pages!, length: caches[b]!.length }));
  const plan = { rows, lengths, ...angles(batchPositions(lengths, caches), constants.frequencies) };
  let x_ND = parameters.embedding_VD.lookUp(ids_N);
  for (const block of parameters.blocks.keys()) {
    const before_ND = x_ND;
    x_ND = tidy(() => runBlock(fused, plan, block, before_ND));
    before_ND.dispose();
  }
  return x_ND;
}

function runBlock<Block extends LlamaBlock>(
  { constants, parameters, blocks, operations, shape, epsilon }: Fused<Block>,
  plan: StepPlan,
  i: number,
  x_ND: Tensor2D,
): Tensor2D {
  const [block, parts] = [parameters.blocks[i]!, blocks[i]!];
  const { project, epsilon_11, windows } = constants;
  const norm_D = block.attentionNorm_D;
  const [qk_NX, v_NM] = operations.normProducts(x_ND, norm_D, epsilon, [parts.qk, parts.v]);
  const products = { qk_NX: qk_NX!, v_NM: v_NM! };
  const projected = project(block, products, { headWidth: shape.headWidth, epsilon_11 });
  const mixed_NE = operations.attend(shape, plan, { block: i, window: windows[i]! }, projected);
  const middle_ND = operations.addProduct(mixed_NE, parts.out, x_ND);
  return operations.addFeedForward(middle_ND, block.feedForwardNorm_D, epsilon, parts);
}

/** Cosines and sines of each token's position, in float64 before they are stored. */
function angles(positions: readonly number[], frequencies: Float64Array) {
  const half = frequencies.length;
  const angle = (i: number) => positions[Math.floor(i / half)]! * frequencies[i % half]!;
  const length = positions.length * half;
  return {
    cos: Float32Array.from({ length }, (_, i) => Math.cos(angle(i))),
    sin: Float32Array.from({ length }, (_, i) => Math.sin(angle(i))),
  };
}
