/** From what `--model` names to a file or folder on this disk. */
import { existsSync } from "node:fs";
import { type HubOptions, parseModelId, type ResolvedModel, resolveModel } from "@amulet-ts/files";
import { usageError } from "../errors.js";
import type { Io } from "../io.js";
import { DownloadProgress } from "../terminal/download-progress.js";

/** org/name, alone or with what may stand behind it. */
const hubId = /^[\w-][\w.-]*\/[\w.-]+([:@].*)?$/;

/**
 * A path that exists wins. What looks like a model of the hub is fetched into the cache unless it is there. Anything
 * else is taken for a path, and whoever opens it says that it is not there.
 *
 * @throws CliError `usage`, FilesError of the hub; the signal's reason after Ctrl-C, what has arrived is kept
 */
export async function resolveModelPath(name: string, io: Io): Promise<string> {
  if (name.trim() === "") {
    throw usageError("--model is empty: name a hub id, a .gguf file or a folder with a model.");
  }
  if (existsSync(name) || !looksLikeHubId(name)) return name;
  return (await fetchModel(name, io)).path;
}

/** `models/tiny.gguf` has the shape of a repository's name, but is a file that is not there. */
function looksLikeHubId(name: string): boolean {
  return hubId.test(name) && (/[:@]/.test(name) || !/\.gguf$/i.test(name));
}

/** Brings a model of the hub into the cache and says on standard error how far that is. */
export async function fetchModel(id: string, io: Io, options: HubOptions = {}): Promise<ResolvedModel> {
  const parsed = parseModelId(id);
  const progress = new DownloadProgress(io, id);
  try {
    return await resolveModel(parsed, {
      environment: io.environment,
      signal: io.signal,
      onProgress: (step) => progress.update(step),
      ...options,
    });
  } finally {
    progress.clear();
  }
}
