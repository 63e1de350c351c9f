/** A model's file into llama.cpp, and out of it. */
import { type PrefillProgress, throwIfAborted } from "@amulet-ts/core";
import { EngineError } from "../errors.js";
import { later } from "./native/functions.js";
import type { Koffi, Pointer } from "./native/koffi.js";
import type { ModelParameters } from "./native/layouts.js";
import type { Llama } from "./native/library.js";

export interface LoadFileOptions {
  /** Layers that a card holds; all of them where it is not said. */
  readonly cardLayers?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** In thousandths of the file. */
  readonly onProgress?: ((progress: PrefillProgress) => void) | undefined;
}

/** @throws EngineError `engine-failed` with llama.cpp's own reason; CoreError `aborted`; whatever `onProgress` throws */
export async function loadModelFile(llama: Llama, path: string, options: LoadFileOptions): Promise<Pointer> {
  const { native, koffi, turns } = llama;
  const listener = new LoadListener(koffi, options);
  const parameters = {
    ...native.llama_model_default_params(),
    n_gpu_layers: options.cardLayers ?? -1,
    progress_callback: listener.callback,
  };
  try {
    return await turns.take(async () => {
      const address = await later(native.llama_model_load_from_file, path, parameters);
      if (address !== null) return address;
      listener.rethrow();
      throw await explain(llama, path, parameters);
    });
  } finally {
    listener.free();
  }
}

export async function freeModel({ native, turns }: Llama, address: Pointer): Promise<void> {
  await turns.take(() => later(native.llama_model_free, address));
}

/** It gives no reason but in its log, which is heard in a second attempt. */
async function explain(llama: Llama, path: string, parameters: ModelParameters): Promise<EngineError> {
  const { native } = llama;
  const { result, complaints } = await llama.withComplaints(() =>
    later(native.llama_model_load_from_file, path, { ...parameters, progress_callback: null }),
  );
  if (result !== null) await later(native.llama_model_free, result);
  const [reason = "it does not say why"] = complaints;
  return new EngineError(
    "engine-failed",
    `llama.cpp could not load ${path}: ${reason.replace(/[.\s]*$/, "")}.`,
  );
}

/** How far loading is, told in between; what a listener throws ends it. */
class LoadListener {
  readonly callback: Pointer = null;
  private thrown: { readonly error: unknown } | undefined;
  private told = -1;

  constructor(
    private readonly koffi: Koffi,
    private readonly options: LoadFileOptions,
  ) {
    if (!options.onProgress && !options.signal) return;
    const type = koffi.pointer(koffi.proto("bool", ["float", "void *"]));
    this.callback = koffi.register((share: number) => this.hear(share), type);
  }

  /** @throws what ended the loading from this side, if anything did */
  rethrow(): void {
    if (this.thrown) throw this.thrown.error;
  }

  free(): void {
    if (this.callback !== null) this.koffi.unregister(this.callback);
  }

  /** @returns whether to go on */
  private hear(share: number): boolean {
    const { signal, onProgress } = this.options;
    try {
      throwIfAborted(signal, "Opening the model");
      const done = Math.floor(1000 * share);
      if (done > this.told) onProgress?.({ done, total: 1000 });
      this.told = Math.max(done, this.told);
      return true;
    } catch (error) {
      this.thrown = { error };
      return false;
    }
  }
}
