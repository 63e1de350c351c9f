/** From `--model` and `--backend` to a model that runs. */
import { performance } from "node:perf_hooks";
import { type RunningBackend, startBackend } from "@amulet-ts/backends";
import { loadModel, type Model } from "@amulet-ts/models";
import { usageError } from "./errors.js";
import type { Io } from "./io.js";
import type { OptionValues } from "./options.js";
import { writeNote } from "./output.js";
import { resolveModelPath } from "./resolve-model-path.js";
import { Progress } from "./terminal/progress.js";

export interface OpenModel {
  readonly model: Model;
  readonly backend: RunningBackend;
  readonly loadMs: number;
}

/** @throws CliError `usage`, BackendError, ModelError */
export async function openModel(values: OptionValues, io: Io): Promise<OpenModel> {
  const path = await modelPath(values, io);
  const started = performance.now();
  const backend = await startBackend(values.backend);
  for (const why of backend.passedOver) writeNote(io, why);
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

/** A file or folder on this disk for what `--model` names. @throws CliError `usage`, ModelError of the hub */
export function modelPath({ model }: OptionValues, io: Io): Promise<string> {
  return resolveModelPath(model ?? defaultModel(), io);
}

/** The model that is meant where none is named. */
function defaultModel(): string {
  throw usageError(
    "Which model? Name one with --model: a model of the hub such as HuggingFaceTB/SmolLM2-135M-Instruct, " +
      "a .gguf file, or a folder with config.json, tokenizer.json and model.safetensors.",
  );
}
