/** From `--model` and `--backend` to a model that answers, with what its opening has to say on standard error. */
import type { Engine } from "@amulet-ts/core";
import { embeddedModelFolder } from "@amulet-ts/embedded-model";
import { findModel, openEngine } from "@amulet-ts/engines";
import type { HubProgress } from "@amulet-ts/files";
import { usageError } from "../errors.js";
import type { Io } from "../io.js";
import { DownloadProgress } from "../terminal/download-progress.js";
import { writeNote } from "../terminal/output.js";
import { Progress } from "../terminal/progress.js";
import type { ModelValues } from "./shared.js";

/** @throws CliError `usage`, BackendError, FilesError, ModelError, CoreError `aborted` */
export async function openModel(values: ModelValues & { readonly debug?: boolean }, io: Io): Promise<Engine> {
  const {
    model,
    engine: kind,
    backend,
    threads,
    kernels,
    precision,
    gpu,
    "gpu-layers": gpuLayers,
    debug,
    candidates,
    tokenizer,
  } = values;
  checkModelName(model);
  const loading = new Progress(io, "Loading the model");
  const engine = await withDownload(model, io, (onDownload) =>
    openEngine({
      model,
      engine: kind,
      backend,
      threads,
      ...(kernels !== undefined && { kernels: kernels === "on" }),
      precision,
      gpu,
      gpuLayers,
      candidates,
      tokenizer,
      debug,
      signal: io.signal,
      environment: io.environment,
      onDownload,
      onProgress: ({ done, total }) => loading.update(done, total),
    }).finally(() => loading.clear()),
  );
  for (const note of engine.notes) writeNote(io, note);
  return engine;
}

/**
 * A file or folder on this disk for what `--model` names; the embedded model where it names none.
 *
 * @throws CliError `usage`, FilesError of the hub
 */
export async function modelPath({ model }: ModelValues, io: Io): Promise<string> {
  checkModelName(model);
  return withDownload(model, io, (onDownload) =>
    findModel(model ?? embeddedModelFolder, { signal: io.signal, environment: io.environment, onDownload }),
  );
}

/** Whether it is the model that ships with the lab. */
export function isEmbedded({ source }: Engine): boolean {
  return source === embeddedModelFolder;
}

/** Says on standard error how far a download is, should there be one. */
export async function withDownload<T>(
  name: string | undefined,
  io: Io,
  work: (onDownload: (progress: HubProgress) => void) => Promise<T>,
): Promise<T> {
  const progress = new DownloadProgress(io, name ?? "");
  try {
    return await work((step) => progress.update(step));
  } finally {
    progress.clear();
  }
}

function checkModelName(name: string | undefined): void {
  if (name?.trim() !== "") return;
  throw usageError("--model is empty: name a hub id, a .gguf file or a folder with a model.");
}
