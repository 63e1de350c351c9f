/** The forward pass of gemma3.ts as fused operations run it. Letters as in gemma3.ts. */
import type { ForwardPass } from "../family.js";
import { mul } from "../layers/direct.js";
import { canFuse, fuseBlocks, fusedLinear, type TurningBlock } from "../layers/fused-blocks.js";
import type { LayerType } from "../layers/layer-types.js";
import type { Constants, Gemma3Block, Gemma3Config, Gemma3Parameters } from "./gemma3-types.js";

/** The fused pass, where kernels hold the weights; they bound no scores, which no Gemma 3 that was published asks for. */
export function fuseGemma3(
  constants: Constants,
  config: Gemma3Config,
  parameters: Gemma3Parameters,
): Pick<ForwardPass, "forward" | "head"> | undefined {
  if (config.attentionSoftCap !== undefined || !canFuse(parameters, config)) return undefined;
  const { embedding_VD, blocks, norm_D, head_DV } = parameters;
  return fuseBlocks({
    heads: config,
    scale: config.queryScalar ** -0.5,
    embed: (ids_N) => mul(embedding_VD.lookUp(ids_N), constants.embeddingScale_11),
    blocks: blocks.map((block, i) => fuseBlock(constants, config, block, config.layerTypes[i]!)),
    norm: { weight_D: norm_D, epsilon: config.normEpsilon },
    head: fusedLinear([head_DV]),
  });
}

function fuseBlock(
  { frequencies }: Constants,
  { windows, normEpsilon: epsilon }: Gemma3Config,
  block: Gemma3Block,
  type: LayerType,
): TurningBlock {
  return {
    attentionNorm: { weight_D: block.attentionNorm_D, epsilon },
    qkv: fusedLinear([block.wqk_DX, block.wv_DM]),
    headNorm: { weight_X: block.queryKeyNorm_X, epsilon },
    window: windows[type],
    frequencies: frequencies[type],
    out: fusedLinear([block.wo_ED]),
    outNorm: { weight_D: block.attentionOutNorm_D, epsilon },
    feedForward: {
      norm: { weight_D: block.feedForwardNorm_D, epsilon },
      activation: "gelu",
      gate: fusedLinear([block.wGate_DF]),
      up: fusedLinear([block.wUp_DF]),
      down: fusedLinear([block.wDown_FD]),
      outNorm: { weight_D: block.feedForwardOutNorm_D, epsilon },
    },
  };
}
