/** The functions of llama.cpp that are called, with their types on both sides. */
import type { Koffi, NativeFunction, NativeLibrary, Pointer } from "./koffi.js";
import {
  type ContextParameters,
  declareLayouts,
  type ModelParameters,
  type NativeBatch,
  type PoolParameters,
} from "./layouts.js";

/** As TypeScript calls them. Those that take long are called by {@link later}. */
export interface LlamaFunctions {
  ggml_is_empty(tensor: Pointer): boolean;
  ggml_backend_load_all_from_path(folder: string): void;
  ggml_backend_dev_count(): number;
  ggml_backend_dev_get(index: number): Pointer;
  ggml_backend_dev_type(device: Pointer): number;
  ggml_backend_dev_name(device: Pointer): string;
  ggml_backend_dev_description(device: Pointer): string;
  ggml_backend_dev_backend_reg(device: Pointer): Pointer;
  ggml_backend_reg_get_proc_address(registry: Pointer, name: string): Pointer;
  ggml_threadpool_params_default(count: number): PoolParameters;
  llama_version(): string;
  llama_log_set(callback: Pointer, data: Pointer): void;
  llama_backend_init(): void;
  llama_model_default_params(): ModelParameters;
  llama_context_default_params(): ContextParameters;
  llama_model_load_from_file(path: string, parameters: ModelParameters): Pointer;
  llama_model_free(model: Pointer): void;
  llama_model_get_vocab(model: Pointer): Pointer;
  llama_model_meta_val_str(model: Pointer, key: string, text: Uint8Array, size: number): number;
  llama_model_n_ctx_train(model: Pointer): number;
  llama_model_n_params(model: Pointer): number;
  llama_model_is_recurrent(model: Pointer): boolean;
  llama_model_is_hybrid(model: Pointer): boolean;
  llama_model_is_diffusion(model: Pointer): boolean;
  llama_model_has_encoder(model: Pointer): boolean;
  llama_model_has_decoder(model: Pointer): boolean;
  llama_model_chat_template(model: Pointer, name: null): string | null;
  llama_chat_apply_template(
    template: string,
    messages: readonly { readonly role: string; readonly content: string }[],
    count: number,
    addAssistant: boolean,
    text: Uint8Array,
    length: number,
  ): number;
  llama_vocab_n_tokens(vocabulary: Pointer): number;
  llama_tokenize(
    vocabulary: Pointer,
    text: string,
    length: number,
    tokens: Int32Array,
    most: number,
    addSpecial: boolean,
    parseSpecial: boolean,
  ): number;
  llama_init_from_model(model: Pointer, parameters: ContextParameters): Pointer;
  llama_free(context: Pointer): void;
  llama_attach_threadpool(context: Pointer, pool: Pointer, batchPool: Pointer): void;
  llama_set_n_threads(context: Pointer, threads: number, batchThreads: number): void;
  llama_get_memory(context: Pointer): Pointer;
  llama_memory_seq_rm(memory: Pointer, sequence: number, from: number, to: number): boolean;
  llama_memory_seq_cp(memory: Pointer, source: number, target: number, from: number, to: number): void;
  llama_state_get_size(context: Pointer): number;
  llama_state_get_data(context: Pointer, bytes: Pointer, size: number): number;
  llama_state_set_data(context: Pointer, bytes: Pointer, size: number): number;
  llama_state_seq_get_size(context: Pointer, sequence: number): number;
  llama_state_seq_get_data(context: Pointer, bytes: Uint8Array, size: number, sequence: number): number;
  llama_state_seq_set_data(context: Pointer, bytes: Uint8Array, size: number, sequence: number): number;
  llama_decode(context: Pointer, batch: NativeBatch): number;
  llama_synchronize(context: Pointer): void;
  llama_get_logits(context: Pointer): Pointer;
  llama_get_logits_ith(context: Pointer, index: number): Pointer;
}

type Signature = readonly [result: string, ...parameters: string[]];

const signatures: Readonly<Record<keyof LlamaFunctions, Signature>> = {
  ggml_is_empty: ["bool", "void *"],
  ggml_backend_load_all_from_path: ["void", "str"],
  ggml_backend_dev_count: ["size_t"],
  ggml_backend_dev_get: ["void *", "size_t"],
  ggml_backend_dev_type: ["int32", "void *"],
  ggml_backend_dev_name: ["str", "void *"],
  ggml_backend_dev_description: ["str", "void *"],
  ggml_backend_dev_backend_reg: ["void *", "void *"],
  ggml_backend_reg_get_proc_address: ["void *", "void *", "str"],
  ggml_threadpool_params_default: ["poolParameters", "int32"],
  llama_version: ["str"],
  llama_log_set: ["void", "void *", "void *"],
  llama_backend_init: ["void"],
  llama_model_default_params: ["modelParameters"],
  llama_context_default_params: ["contextParameters"],
  llama_model_load_from_file: ["void *", "str", "modelParameters"],
  llama_model_free: ["void", "void *"],
  llama_model_get_vocab: ["void *", "void *"],
  llama_model_meta_val_str: ["int32", "void *", "str", "bytes", "size_t"],
  llama_model_n_ctx_train: ["int32", "void *"],
  llama_model_n_params: ["uint64", "void *"],
  llama_model_is_recurrent: ["bool", "void *"],
  llama_model_is_hybrid: ["bool", "void *"],
  llama_model_is_diffusion: ["bool", "void *"],
  llama_model_has_encoder: ["bool", "void *"],
  llama_model_has_decoder: ["bool", "void *"],
  llama_model_chat_template: ["str", "void *", "str"],
  llama_chat_apply_template: ["int32", "str", "messages", "size_t", "bool", "bytes", "int32"],
  llama_vocab_n_tokens: ["int32", "void *"],
  llama_tokenize: ["int32", "void *", "str", "int32", "tokens", "int32", "bool", "bool"],
  llama_init_from_model: ["void *", "void *", "contextParameters"],
  llama_free: ["void", "void *"],
  llama_attach_threadpool: ["void", "void *", "void *", "void *"],
  llama_set_n_threads: ["void", "void *", "int32", "int32"],
  llama_get_memory: ["void *", "void *"],
  llama_memory_seq_rm: ["bool", "void *", "int32", "int32", "int32"],
  llama_memory_seq_cp: ["void", "void *", "int32", "int32", "int32", "int32"],
  llama_state_get_size: ["size_t", "void *"],
  llama_state_get_data: ["size_t", "void *", "void *", "size_t"],
  llama_state_set_data: ["size_t", "void *", "void *", "size_t"],
  llama_state_seq_get_size: ["size_t", "void *", "int32"],
  llama_state_seq_get_data: ["size_t", "void *", "void *", "size_t", "int32"],
  llama_state_seq_set_data: ["size_t", "void *", "void *", "size_t", "int32"],
  llama_decode: ["int32", "void *", "batch"],
  llama_synchronize: ["void", "void *"],
  llama_get_logits: ["void *", "void *"],
  llama_get_logits_ith: ["void *", "void *", "int32"],
};

/** Of which library each function is, by its first letters. */
export interface Libraries {
  readonly llama: NativeLibrary;
  readonly ggml: NativeLibrary;
  readonly base: NativeLibrary;
}

const fromBase = new Set([
  "ggml_is_empty",
  "ggml_backend_dev_type",
  "ggml_backend_dev_name",
  "ggml_backend_dev_description",
  "ggml_backend_dev_backend_reg",
  "ggml_backend_reg_get_proc_address",
  "ggml_threadpool_params_default",
]);

export function bindFunctions(koffi: Koffi, { llama, ggml, base }: Libraries) {
  const message = koffi.struct({ role: "str", content: "str" });
  const layouts = declareLayouts(koffi);
  const types: Record<string, unknown> = {
    ...layouts,
    messages: koffi.pointer(message),
    bytes: koffi.out(koffi.pointer("uint8")),
    tokens: koffi.out(koffi.pointer("int32")),
  };
  const bound = Object.entries(signatures).map(([name, [result, ...parameters]]) => {
    const library = name.startsWith("llama_") ? llama : fromBase.has(name) ? base : ggml;
    const typed = parameters.map((parameter) => types[parameter] ?? parameter);
    return [name, library.func(name, types[result] ?? result, typed)];
  });
  const native = Object.fromEntries(bound) as LlamaFunctions;
  return { native, findPools: () => findPools(koffi, native, layouts.poolParameters) };
}

/** What makes a processor's threads: of its own library, which is one of many, so that ggml tells where. */
export interface PoolFunctions {
  create(parameters: PoolParameters): Pointer;
  free(pool: Pointer): void;
}

/** Undefined where the processor's library has none. */
function findPools(koffi: Koffi, native: LlamaFunctions, parameters: unknown): PoolFunctions | undefined {
  const processor = listDevices(native).find((device) => native.ggml_backend_dev_type(device) === 0);
  if (processor === undefined) return undefined;
  const registry = native.ggml_backend_dev_backend_reg(processor);
  const [create, free] = ["ggml_threadpool_new", "ggml_threadpool_free"].map((name) =>
    native.ggml_backend_reg_get_proc_address(registry, name),
  );
  if (create == null || free == null) return undefined;
  const creating = koffi.proto("void *", [koffi.pointer(parameters)]);
  const freeing = koffi.proto("void", ["void *"]);
  return {
    create: (values) => koffi.call(create, creating, values) as Pointer,
    free: (pool) => void koffi.call(free, freeing, pool),
  };
}

/** Processors and cards. */
export function listDevices(native: LlamaFunctions): Pointer[] {
  return Array.from({ length: Number(native.ggml_backend_dev_count()) }, (_, index) =>
    native.ggml_backend_dev_get(index),
  );
}

/** Calls it on another thread; the event loop goes on turning. */
export function later<P extends readonly unknown[], R>(call: (...values: P) => R, ...values: P): Promise<R> {
  return new Promise((resolve, reject) => {
    (call as unknown as NativeFunction).async(...values, (error: unknown, result: R) =>
      error ? reject(error) : resolve(result),
    );
  });
}
