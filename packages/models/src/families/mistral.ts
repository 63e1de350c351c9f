/**
 * Mistral (Jiang et al., arXiv 2310.06825): Llama whose queries see a window of the tokens before them, where the
 * config names one (7B v0.1 does, v0.2 and later do not). llama.cpp converts it to a Llama file.
 */
import type { ConfigSource } from "@amulet-ts/files";
import type { Family } from "../family.js";
import { readWindow } from "../layers/layer-types.js";
import { type LlamaConfig, type LlamaParameters, llama } from "./llama.js";

/** Absent keys mean what they mean to 7B v0.1: 8 key/value heads and a window; no window is said by null. */
function readConfig(source: ConfigSource): LlamaConfig {
  const config = llama.readConfig(source);
  const groups = source.has(["num_key_value_heads", undefined]) ? config.groups : 8;
  const window = source.has(["sliding_window", undefined]) ? readWindow(source) : 4096;
  return { ...config, groups, windows: config.windows.map(() => window) };
}

export const mistral: Family<LlamaConfig, LlamaParameters> = { ...llama, name: "mistral", readConfig };
