/**
 * Checkpoints whose weights are stored as somebody's quantised numbers: each is named, none is read. Only GGUF's own
 * types are (`formats/dequantise.ts`).
 */

import { FilesError } from "../errors.js";
import type { TensorStore } from "../formats/tensor-source.js";
import { isJsonObject } from "../places/read-json.js";

/** Methods of `quantization_config`, as people write them; others go by the name that the config gives. */
const methods: Readonly<Record<string, string>> = {
  awq: "AWQ",
  bitsandbytes: "bitsandbytes",
  "compressed-tensors": "compressed-tensors",
  fbgemm_fp8: "FP8 (FBGEMM)",
  fp8: "FP8",
  gptq: "GPTQ",
  modelopt: "NVIDIA ModelOpt",
  mxfp4: "MXFP4",
  torchao: "torchao",
};

/** Files that a quantiser leaves beside a config.json that says nothing of it. */
const settingsFiles: Readonly<Record<string, string>> = {
  "hf_quant_config.json": "NVIDIA ModelOpt",
  "quant_config.json": "AWQ",
  "quantize_config.json": "GPTQ",
};

/** What stands beside or instead of a quantised weight, where the config does not say it; the first that fits. */
const traces: readonly (readonly [name: RegExp, method: string])[] = [
  [/\.weight_scale_inv$/, "FP8"],
  [/\.weight\.(absmax|quant_state\.|nested_absmax|quant_map)|\.SCB$/, "bitsandbytes"],
  [/\.g_idx$/, "GPTQ"],
  [/\.qweight$/, "GPTQ or AWQ"],
  [/\.(weight_packed|weight_zero_point|weight_scale)$/, "compressed-tensors"],
  [/_proj_(blocks|scales)$/, "MXFP4"],
  [/\.scales$/, "MLX"],
];

/**
 * @param config config.json
 * @param path what holds the weights, for the error
 * @throws FilesError `unknown-tensor-type` where it announces quantised weights
 */
export function refuseQuantisedConfig(config: Readonly<Record<string, unknown>>, path: string): void {
  const text = isJsonObject(config.text_config) ? config.text_config : {};
  const announced = config.quantization_config ?? text.quantization_config ?? config.compression_config;
  const method = describeMlx(config.quantization) ?? describeMethod(announced);
  if (method !== undefined) throw quantised(path, method);
}

/** @throws FilesError `unknown-tensor-type` where a repository's files are those of a quantiser */
export function refuseQuantisedNames(names: readonly string[], path: string): void {
  const found = Object.keys(settingsFiles).find((name) => names.includes(name));
  if (found !== undefined) throw quantised(path, settingsFiles[found]!);
}

/** @throws FilesError `unknown-tensor-type` where tensors are quantised though the config did not say so */
export function refuseQuantisedTensors({ tensors }: TensorStore, path: string): void {
  for (const [pattern, method] of traces) {
    for (const name of tensors.keys()) if (pattern.test(name)) throw quantised(path, method);
  }
  for (const [name, { type }] of tensors) {
    if (name.endsWith(".weight") && type.startsWith("F8_")) throw quantised(path, "FP8");
  }
}

/** mlx writes its settings under a key of its own, and once more under everybody's. */
function describeMlx(settings: unknown): string | undefined {
  return isJsonObject(settings) && isCount(settings.bits) ? withBits("MLX", settings.bits) : undefined;
}

function describeMethod(settings: unknown): string | undefined {
  if (!isJsonObject(settings) || Object.keys(settings).length === 0) return undefined;
  const { quant_method, load_in_4bit, load_in_8bit } = settings;
  const isBitsAndBytes = quant_method === "bitsandbytes" || (quant_method ?? undefined) === undefined;
  if (isBitsAndBytes && load_in_4bit === true) return withBits("bitsandbytes", 4);
  if (isBitsAndBytes && load_in_8bit === true) return withBits("bitsandbytes", 8);
  // Settings that are kept and switched off.
  if (load_in_4bit === false && load_in_8bit === false) return undefined;
  if (typeof quant_method !== "string") return "a method that its quantization_config does not name";
  const known = Object.hasOwn(methods, quant_method) ? methods[quant_method] : undefined;
  return withBits(known ?? JSON.stringify(quant_method.slice(0, 60)), settings.bits ?? settings.w_bit);
}

function withBits(method: string, bits: unknown): string {
  return isCount(bits) ? `${method}, ${bits} bits` : method;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0;
}

function quantised(path: string, method: string): FilesError {
  return new FilesError(
    "unknown-tensor-type",
    `${path} is quantised with ${method}, which is not read here. Take the model that it was made from ` +
      "(safetensors in F32, F16 or BF16), or a GGUF file of it.",
  );
}
