/** From `--model` and `--backend` to a model that runs. */
import { performance } from "node:perf_hooks";
import { type RunningBackend, startBackend } from "@amulet-ts/backends";
import { loadModel, type Model } from "@amulet-ts/models";
import { usageError } from "./errors.js";
import type { Io } from "./io.js";
import type { OptionValues } from "./options.js";
import { Progress } from "./terminal/progress.js";

export interface OpenModel {
  readonly model: Model;
  readonly backend: RunningBackend;
  readonly loadMs: number;
}

/** @throws CliError `usage`, BackendError, ModelError */
export async function openModel(values: OptionValues, io: Io): Promise<OpenModel> {
  const name = values.model ?? defaultModel();
  const path = await resolveModelPath(name);
  const started = performance.now();
  const backend = await startBackend(values.backend);
  const progress = new Progress(io, "Loading the model");
  try {
    const model = await loadModel(path, {
      memory: backend.memory,
      signal: io.signal,
      onProgress: ({ done, total }) => progress.update(done, total),
    });
    return { model, backend, loadMs: performance.now() - started };
  } finally {
    progress.clear();
  }
}

/** The model that is meant where none is named. */
function defaultModel(): string {
  throw usageError(
    "Which model? Name one with --model: a .gguf file, or a folder with config.json, tokenizer.json and model.safetensors.",
  );
}

/** A file or folder on this disk for what `--model` names. */
async function resolveModelPath(name: string): Promise<string> {
  if (name.trim() === "") throw usageError("--model is empty: name a .gguf file or a folder with a model.");
  return name;
}
