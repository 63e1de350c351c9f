export type { StreamDecoder } from "./decode/stream-decoder.js";
export type { EncodeOptions } from "./encode/encoder.js";
export { tokenizerFromGguf, tokenizerFromGgufSteps } from "./gguf/from-gguf.js";
export {
  type JsonTokenizerFiles,
  parseTokenizerConfig,
  tokenizerFromJson,
  tokenizerFromJsonSteps,
} from "./json/from-json.js";
export type { SpecialTokens } from "./special-tokens.js";
export type { Tokenizer } from "./tokenizer.js";
