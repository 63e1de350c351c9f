/** From `--model` and `--backend` to a model that runs. */
import { performance } from "node:perf_hooks";
import { type RunningBackend, startBackend } from "@amulet-ts/backends";
import { embeddedModelFolder } from "@amulet-ts/lab";
import { loadModel, type Model } from "@amulet-ts/models";
import type { Io } from "../io.js";
import { writeNote } from "../terminal/output.js";
import { Progress } from "../terminal/progress.js";
import { resolveModelPath } from "./resolve-model-path.js";
import type { OptionValues } from "./table.js";

export interface OpenModel {
  readonly model: Model;
  readonly backend: RunningBackend;
  readonly loadMs: number;
  /** Whether it is the model that ships with the lab. */
  readonly isEmbedded: boolean;
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
    for (const note of model.notes) writeNote(io, note);
    return { model, backend, loadMs: performance.now() - started, isEmbedded: path === embeddedModelFolder };
  } finally {
    progress.clear();
  }
}

/**
 * A file or folder on this disk for what `--model` names; the embedded model where it names none.
 *
 * @throws CliError `usage`, FilesError of the hub
 */
export function modelPath({ model }: OptionValues, io: Io): Promise<string> {
  return resolveModelPath(model ?? embeddedModelFolder, io);
}
