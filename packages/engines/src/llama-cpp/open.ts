/** Models that llama.cpp computes, in this process. */
import "@amulet-ts/core/disposal";
import { stat } from "node:fs/promises";
import { startBackend } from "@amulet-ts/backends";
import { type Engine, throwIfAborted } from "@amulet-ts/core";
import { openTokenizer } from "@amulet-ts/files";
import { EngineError } from "../errors.js";
import { locateModel } from "../find-model.js";
import type { OpenEngineOptions } from "../options.js";
import { findDisagreements } from "./agreement.js";
import type { LoadedModel } from "./context.js";
import { checkKnownProduct } from "./known-product.js";
import { freeModel, loadModelFile } from "./load.js";
import { checkArchitecture, LlamaCppModel } from "./model.js";
import { packageVersion } from "./native/find-binaries.js";
import { type Llama, openLlama } from "./native/library.js";
import { ThreadPool } from "./native/thread-pool.js";
import { defaultThreads, ThreadCount } from "./threads.js";

/** Methods compute on TensorFlow.js: two rows of logits are small work, which wasm does fastest (docs/engines.md). */
const methodBackend = "wasm";

/**
 * Loads a GGUF file into llama.cpp; when that fails, nothing of it stays in memory.
 *
 * @throws EngineError, FilesError, BackendError, CoreError `aborted`
 */
export async function openLlamaCppEngine(options: OpenEngineOptions): Promise<Engine> {
  const { backend = methodBackend, signal, gpu = "auto", debug = false } = options;
  const path = await locateFile(options);
  const started = performance.now();
  const llama = await openLlama(gpu, debug);
  await checkKnownProduct(llama);
  const methods = await startBackend(backend);
  throwIfAborted(signal, "Opening the model");
  const { model, loaded, tokenizer, notes } = await loadModel(llama, path, options);
  return {
    model,
    tokenizer,
    source: path,
    backend: {
      name: "llama.cpp",
      description: `${describeDevice(loaded)}; methods on ${methods.name}`,
      version: `llama.cpp ${llama.version}, @node-llama-cpp ${packageVersion}`,
    },
    parameterCount: model.parameterCount,
    ...(model.cacheBytesPerToken !== undefined && { cacheBytesPerToken: model.cacheBytesPerToken }),
    notes,
    loadMs: performance.now() - started,
    dispose: () => model.dispose(),
    [Symbol.asyncDispose]: () => model.dispose(),
  };
}

async function loadModel(llama: Llama, path: string, options: OpenEngineOptions) {
  const { signal, onProgress, gpu = "auto", gpuLayers, threads } = options;
  const text = await openTokenizer(path);
  const onCard = usesCard(llama, gpu) && gpuLayers !== 0;
  const cardLayers = onCard ? gpuLayers : 0;
  const address = await loadModelFile(llama, path, { signal, onProgress, cardLayers });
  try {
    checkArchitecture(llama, address, text.name);
    const { native } = llama;
    const notes = [...text.tokenizer.notes, ...findDisagreements(llama, address, text)];
    throwIfAborted(signal, "Opening the model");
    const count = threads ?? defaultThreads();
    const loaded: LoadedModel = {
      llama,
      address,
      vocabularySize: native.llama_vocab_n_tokens(native.llama_model_get_vocab(address)),
      threads: new ThreadCount(count, threads !== undefined),
      pool: new ThreadPool(llama, count),
      onCard,
    };
    return { model: new LlamaCppModel(loaded, text), loaded, tokenizer: text.tokenizer, notes };
  } catch (error) {
    await freeModel(llama, address);
    throw error;
  }
}

/** @throws EngineError `missing-engine` where a card was asked for and none is seen */
function usesCard({ devices }: Llama, gpu: NonNullable<OpenEngineOptions["gpu"]>): boolean {
  if (gpu === "off") return false;
  if (devices.some(({ isCard }) => isCard)) return true;
  if (gpu === "auto") return false;
  throw new EngineError(
    "missing-engine",
    `llama.cpp sees no card for ${gpu}: its driver is missing, or the card is. Take gpu "off".`,
  );
}

function describeDevice({ llama: { devices }, threads, onCard }: LoadedModel): string {
  const device = devices.find(({ isCard }) => isCard === onCard) ?? devices[0];
  const name = device?.description.trim() || "a processor";
  return onCard ? name : `${name}, ${threads.most === 1 ? "one thread" : `${threads.most} threads`}`;
}

/** @throws EngineError `bad-request` for what is no GGUF file */
async function locateFile({ model, signal, onDownload, environment }: OpenEngineOptions): Promise<string> {
  if (model === undefined) {
    throw new EngineError("bad-request", "The engine llama.cpp needs a model: name a .gguf file.");
  }
  const refuseFolder = () => {
    throw new EngineError(
      "bad-request",
      `llama.cpp reads GGUF files, and ${model} is a folder: name a .gguf file, or org/name:file.gguf of the hub.`,
    );
  };
  const path = await locateModel(model, { signal, onDownload, environment }, refuseFolder);
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory()) refuseFolder();
  return path;
}
