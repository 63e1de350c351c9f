/** What the package offers on every platform. */

export { type Blueprint, type CheckpointTensors, drawBlueprint } from "./blueprint.js";
export type { Checkpoint } from "./checkpoint.js";
export * from "./errors.js";
export type { FamilyConfig, ForwardPass } from "./family.js";
export { encodeSafetensors, type WrittenTensor } from "./formats/encode-safetensors.js";
export type { TensorSource, TensorStore } from "./formats/tensor-source.js";
export { emptyCache } from "./kv-cache.js";
export type { LoadModelOptions, Model } from "./load-model.js";
export type { LoadProgress } from "./load-parameters.js";
export type { MemoryBudget } from "./memory.js";
export type { ModelTokenizer } from "./open-tokenizer.js";
export { openSession } from "./session.js";
export {
  type ChatOptions,
  type ChatTemplateSources,
  type EncodeOptions,
  findChatTemplate,
  type JsonTokenizerFiles,
  parseTokenizerConfig,
  type RenderedChat,
  renderChat,
  renderedChatIds,
  type StreamDecoder,
  type Tokenizer,
  tokenizerFromGguf,
  tokenizerFromJson,
  withBeginToken,
} from "./tokenizer/index.js";
