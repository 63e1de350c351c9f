export { type Checkpoint, openCheckpoint } from "./checkpoint.js";
export * from "./errors.js";
export type { TensorSource, TensorStore } from "./formats/tensor-source.js";
export * from "./hub/index.js";
export { type LoadModelOptions, loadModel, type Model } from "./load-model.js";
export type { LoadProgress } from "./load-parameters.js";
export type { MemoryBudget } from "./memory.js";
export { type ModelTokenizer, openTokenizer } from "./open-tokenizer.js";
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
