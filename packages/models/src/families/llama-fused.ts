/** The forward pass of llama.ts as fused operations run it. Letters as in llama.ts. */
import type { ForwardPass } from "../family.js";
import { canFuse, fuseBlocks, fusedLinear, type TurningBlock } from "../layers/fused-blocks.js";
import type { Constants, LlamaBlock, LlamaConfig, LlamaParameters } from "./llama-types.js";

/** The fused pass, where kernels hold the weights. */
export function fuseLlama<Block extends LlamaBlock>(
  constants: Constants<Block>,
  config: LlamaConfig,
  parameters: LlamaParameters<Block>,
): Pick<ForwardPass, "forward" | "head"> | undefined {
  if (!canFuse(parameters, config)) return undefined;
  const { embedding_VD, blocks, norm_D, head_DV } = parameters;
  return fuseBlocks({
    heads: config,
    scale: config.headWidth ** -0.5,
    embed: (ids_N) => embedding_VD.lookUp(ids_N),
    blocks: blocks.map((block, i) => fuseBlock(constants, config, block, config.windows[i]!)),
    norm: { weight_D: norm_D, epsilon: config.normEpsilon },
    head: fusedLinear([head_DV]),
  });
}

function fuseBlock<Block extends LlamaBlock>(
  { project, frequencies }: Constants<Block>,
  { normEpsilon: epsilon }: LlamaConfig,
  block: Block,
  window: number,
): TurningBlock {
  const { biases, headNorm_X } = project.fuse(block);
  return {
    attentionNorm: { weight_D: block.attentionNorm_D, epsilon },
    qkv: fusedLinear([block.wqk_DX, block.wv_DM], biases),
    headNorm: headNorm_X && { weight_X: headNorm_X, epsilon },
    window,
    frequencies,
    out: fusedLinear([block.wo_ED]),
    feedForward: {
      norm: { weight_D: block.feedForwardNorm_D, epsilon },
      activation: "silu",
      gate: fusedLinear([block.wGate_DF]),
      up: fusedLinear([block.wUp_DF]),
      down: fusedLinear([block.wDown_FD]),
    },
  };
}
