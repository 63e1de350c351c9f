/** What the forward passes of a Gemma 3, composed and fused, have in common. Letters as in gemma3.ts. */
import type { Tensor1D, Tensor2D } from "@tensorflow/tfjs-core";
import type { FamilyConfig } from "../family.js";
import type { AttentionConstants } from "../layers/attention.js";
import type { GeluConstants } from "../layers/gelu.js";
import type { LayerType } from "../layers/layer-types.js";
import type { RopeConfig } from "../layers/rope-config.js";
import type { Weight } from "../weights/weight.js";

export interface Gemma3Config extends FamilyConfig {
  readonly width: number;
  readonly heads: number;
  readonly groups: number;
  readonly headWidth: number;
  readonly feedForward: number;
  readonly normEpsilon: number;
  /** Scores are divided by its square root. */
  readonly queryScalar: number;
  readonly layerTypes: readonly LayerType[];
  readonly windows: Readonly<Record<LayerType, number>>;
  readonly ropes: Readonly<Record<LayerType, RopeConfig>>;
  /** c in c·tanh(x/c), for attention scores and for logits. */
  readonly attentionSoftCap: number | undefined;
  readonly logitSoftCap: number | undefined;
  readonly tiedEmbedding: boolean;
}

export interface Gemma3Block {
  readonly attentionNorm_D: Tensor1D;
  readonly wqk_DX: Weight;
  /** The norm of queries, once for each of their heads, and that of keys. */
  readonly queryKeyNorm_X: Tensor1D;
  readonly wv_DM: Weight;
  readonly wo_ED: Weight;
  readonly attentionOutNorm_D: Tensor1D;
  readonly feedForwardNorm_D: Tensor1D;
  readonly wGate_DF: Weight;
  readonly wUp_DF: Weight;
  readonly wDown_FD: Weight;
  readonly feedForwardOutNorm_D: Tensor1D;
}

export interface Gemma3Parameters {
  readonly embedding_VD: Weight;
  readonly blocks: readonly Gemma3Block[];
  readonly norm_D: Tensor1D;
  readonly head_DV: Weight;
}

/** Made once for a model, the same in every block. */
export interface Constants {
  readonly attention: AttentionConstants;
  readonly frequencies: Readonly<Record<LayerType, Float64Array>>;
  readonly rotateHalf_KK: Tensor2D;
  readonly gelu: GeluConstants;
  readonly epsilon_11: Tensor2D;
  /** √D in float32. */
  readonly embeddingScale_11: Tensor2D;
}
