export type { EncodeOptions } from "./encoder.js";
export { tokenizerFromGguf } from "./from-gguf.js";
export { type JsonTokenizerFiles, parseTokenizerConfig, tokenizerFromJson } from "./from-json.js";
export type { SpecialTokens } from "./special-tokens.js";
export type { StreamDecoder } from "./stream-decoder.js";
export type { Tokenizer } from "./tokenizer.js";
