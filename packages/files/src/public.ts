/** What the package offers on every platform. */

export {
  type ArchitectureNames,
  architectureNames,
  type Checkpoint,
  folderConfig,
  openCheckpoint as openCheckpointAt,
} from "./checkpoint/checkpoint.js";
export { type ConfigKey, ConfigSource } from "./checkpoint/config.js";
export { type ModelTokenizer, openTokenizer as openTokenizerAt } from "./checkpoint/open-tokenizer.js";
export * from "./errors.js";
export {
  encodeGguf,
  encodeGgufHeader,
  type GgufTensorEntry,
  type GgufValue,
  ggufPadding,
} from "./formats/encode/encode-gguf.js";
export { encodeSafetensors, type WrittenTensor } from "./formats/encode/encode-safetensors.js";
export { ggufLlamaName, pairRotatedRows } from "./formats/encode/llama-tensors.js";
export { openGguf as openGgufAt } from "./formats/gguf.js";
export type { GgufFile } from "./formats/gguf-file.js";
export { ggufTensorTypes, type TensorType } from "./formats/numbers/dequantise.js";
export { openSafetensors as openSafetensorsAt, type SafetensorsFile } from "./formats/safetensors.js";
export type { StoredRows, TensorSource, TensorStore } from "./formats/tensor-source.js";
export { type BlobFolder, inBlob, inBlobs } from "./places/blobs.js";
export type { Place } from "./places/place.js";
export { onWeb } from "./places/web.js";
export { type RenderedChat, renderedChatIds, renderedChatSteps } from "./templates/chat-ids.js";
export {
  type ChatMessage,
  type ChatOptions,
  type ChatTemplate,
  type ChatTemplateSources,
  findChatTemplate,
  renderChat,
} from "./templates/chat-template.js";
export {
  type EncodeOptions,
  type JsonTokenizerFiles,
  parseTokenizerConfig,
  type SpecialTokens,
  type StreamDecoder,
  type Tokenizer,
  tokenizerFromGguf,
  tokenizerFromJson,
} from "./tokenizer/index.js";
