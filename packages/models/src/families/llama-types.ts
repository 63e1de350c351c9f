/** What the forward passes of a Llama, composed and fused, have in common. Letters as in llama.ts. */
import type { Tensor1D, Tensor2D } from "@tensorflow/tfjs-core";
import type { FamilyConfig } from "../family.js";
import type { AttentionConstants } from "../layers/attention.js";
import type { RopeConfig } from "../layers/rope-config.js";
import type { Weight } from "../weights/weight.js";

export interface LlamaConfig extends FamilyConfig {
  readonly width: number;
  readonly heads: number;
  readonly groups: number;
  readonly headWidth: number;
  readonly feedForward: number;
  readonly normEpsilon: number;
  readonly rope: RopeConfig;
  readonly tiedEmbedding: boolean;
  /** Tokens a query of each block sees, itself included; Infinity in Llama itself. */
  readonly windows: readonly number[];
}

export interface LlamaBlock {
  readonly attentionNorm_D: Tensor1D;
  /** Queries and keys, which turn alike: one product and one rotation. */
  readonly wqk_DX: Weight;
  readonly wv_DM: Weight;
  readonly wo_ED: Weight;
  readonly feedForwardNorm_D: Tensor1D;
  readonly wGate_DF: Weight;
  readonly wUp_DF: Weight;
  readonly wDown_FD: Weight;
}

export interface LlamaParameters<Block extends LlamaBlock = LlamaBlock> {
  readonly embedding_VD: Weight;
  readonly blocks: readonly Block[];
  readonly norm_D: Tensor1D;
  readonly head_DV: Weight;
  /** llama.cpp's form of Llama 3.1's scaling: a divisor per rotary frequency. */
  readonly ropeDivisors_C?: Float32Array;
}

/** Queries and keys, not yet turned by their positions, and values. */
export interface Projected {
  readonly qk_NX: Tensor2D;
  readonly v_NM: Tensor2D;
}

/** What becomes of the products of a block's normed input before queries and keys turn. */
export interface Projection<Block extends LlamaBlock> {
  readonly compose: (
    block: Block,
    products: Projected,
    model: { readonly headWidth: number; readonly epsilon_11: Tensor2D },
  ) => Projected;
  /** The same in the words of fused operations: biases of queries, keys and values side by side, and a norm of heads. */
  readonly fuse: (block: Block) => { readonly biases?: readonly Tensor1D[]; readonly headNorm_X?: Tensor1D };
}

/** Made once for a model, the same in every block. */
export interface Constants<Block extends LlamaBlock> {
  readonly project: Projection<Block>;
  readonly windows: readonly number[];
  readonly attention: AttentionConstants;
  readonly frequencies: Float64Array;
  readonly rotateHalf_KK: Tensor2D;
  readonly epsilon_11: Tensor2D;
}
