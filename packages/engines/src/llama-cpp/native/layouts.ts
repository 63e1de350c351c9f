/**
 * What is passed to llama.cpp by value, as its header lays it out (include/llama.h of release v0.4.0), with the values that
 * the library itself gives: a library of another layout gives others.
 */
import type { Koffi, Pointer } from "./koffi.js";

const pointer = "void *";

const modelMembers = {
  devices: pointer,
  tensor_buft_overrides: pointer,
  n_gpu_layers: "int32",
  split_mode: "int32",
  load_mode: "int32",
  lazy_mode: "int32",
  main_gpu: "int32",
  tensor_split: pointer,
  progress_callback: pointer,
  progress_callback_user_data: pointer,
  kv_overrides: pointer,
  vocab_only: "bool",
  check_tensors: "bool",
  use_extra_bufts: "bool",
  no_host: "bool",
  no_alloc: "bool",
  load_mtp: "bool",
} as const;

const contextMembers = {
  n_ctx: "uint32",
  n_batch: "uint32",
  n_ubatch: "uint32",
  n_seq_max: "uint32",
  n_rs_seq: "uint32",
  n_outputs_max: "uint32",
  n_outputs_max_per_seq: "uint32",
  n_threads: "int32",
  n_threads_batch: "int32",
  ctx_type: "int32",
  rope_scaling_type: "int32",
  pooling_type: "int32",
  attention_type: "int32",
  flash_attn_type: "int32",
  rope_freq_base: "float",
  rope_freq_scale: "float",
  yarn_ext_factor: "float",
  yarn_attn_factor: "float",
  yarn_beta_fast: "float",
  yarn_beta_slow: "float",
  yarn_orig_ctx: "uint32",
  defrag_thold: "float",
  cb_eval: pointer,
  cb_eval_user_data: pointer,
  type_k: "int32",
  type_v: "int32",
  abort_callback: pointer,
  abort_callback_data: pointer,
  embeddings: "bool",
  offload_kqv: "bool",
  no_perf: "bool",
  op_offload: "bool",
  swa_full: "bool",
  kv_unified: "bool",
  samplers: pointer,
  n_samplers: "size_t",
  ctx_other: pointer,
} as const;

const batchMembers = {
  n_tokens: "int32",
  token: pointer,
  embd: pointer,
  pos: pointer,
  n_seq_id: pointer,
  seq_id: pointer,
  logits: pointer,
} as const;

/** Of these, `cpumask` has GGML_MAX_N_THREADS entries. */
const poolMembers = {
  n_threads: "int32",
  prio: "int32",
  poll: "uint32",
  strict_cpu: "bool",
  paused: "bool",
} as const;
const mostPoolThreads = 512;

/** A value of each member: an address, a truth or a number. */
type Members<M> = { [Name in keyof M]: M[Name] extends "bool" ? boolean : number | Pointer };

export type ModelParameters = Members<typeof modelMembers>;
export type ContextParameters = Members<typeof contextMembers>;
export type NativeBatch = Members<typeof batchMembers>;
export type PoolParameters = Members<typeof poolMembers> & { readonly cpumask: unknown };

/** The layouts as koffi knows them. */
export function declareLayouts(koffi: Koffi) {
  return {
    modelParameters: koffi.struct(modelMembers),
    contextParameters: koffi.struct(contextMembers),
    batch: koffi.struct(batchMembers),
    poolParameters: koffi.struct({ cpumask: koffi.array("uint8", mostPoolThreads), ...poolMembers }),
  };
}

/** What `llama_model_default_params` gives; what is not named is null, or false. */
export const modelDefaults: Partial<ModelParameters> = {
  n_gpu_layers: -1,
  split_mode: 1,
  load_mode: -1,
  lazy_mode: 1,
  main_gpu: 0,
  use_extra_bufts: true,
};

/** What `llama_context_default_params` gives. */
export const contextDefaults: Partial<ContextParameters> = {
  n_ctx: 512,
  n_batch: 2048,
  n_ubatch: 512,
  n_seq_max: 1,
  n_rs_seq: 0,
  n_outputs_max: 0,
  n_outputs_max_per_seq: 1,
  n_threads: 4,
  n_threads_batch: 4,
  ctx_type: 0,
  rope_scaling_type: -1,
  pooling_type: -1,
  attention_type: -1,
  flash_attn_type: -1,
  rope_freq_base: 0,
  rope_freq_scale: 0,
  yarn_ext_factor: -1,
  yarn_attn_factor: -1,
  yarn_beta_fast: -1,
  yarn_beta_slow: -1,
  yarn_orig_ctx: 0,
  defrag_thold: -1,
  type_k: 1,
  type_v: 1,
  offload_kqv: true,
  no_perf: true,
  op_offload: true,
  swa_full: true,
  n_samplers: 0,
};

/** What `ggml_threadpool_params_default` gives beside the count. */
export const poolDefaults: Partial<PoolParameters> = { prio: 0, poll: 50 };

/** The first member that is not what it should be, as a phrase; undefined where all are. */
export function findDifference(given: object, expected: object): string | undefined {
  for (const [name, value] of Object.entries(given)) {
    const wanted = (expected as Record<string, unknown>)[name] ?? (typeof value === "boolean" ? false : null);
    if (value !== wanted) return `${name} is ${value} where ${wanted} was expected`;
  }
  return undefined;
}
