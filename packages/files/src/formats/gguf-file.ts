import type { GgufMetadata } from "./gguf-metadata.js";
import type { TensorStore } from "./tensor-source.js";

/** A model in llama.cpp's format: metadata and tensors. */
export interface GgufFile extends TensorStore {
  /** The file that was asked for. */
  readonly path: string;
  /** Of a split model: the first part's. */
  readonly metadata: GgufMetadata;
}
