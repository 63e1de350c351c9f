/** From a model's name to a file or folder on this disk. */
import { existsSync } from "node:fs";
import type { HubOptions } from "@amulet-ts/files";
import { interruptible } from "./interruptible.js";
import { checkName, checkOptions, type FindModelOptions } from "./options.js";

/** org/name, alone or with what may stand behind it. */
const hubId = /^[\w-][\w.-]*\/[\w.-]+([:@].*)?$/;

/**
 * A path that exists wins. What looks like a model of the hub is fetched into the cache unless it is there. Anything
 * else is taken for a path, and whoever opens it says that it is not there.
 *
 * @throws EngineError `bad-request`, FilesError of the hub, CoreError `aborted`
 */
export async function findModel(name: string, options: FindModelOptions = {}): Promise<string> {
  checkName(name);
  checkOptions(options, "findModel");
  return locateModel(name, options);
}

/**
 * The same with options that were checked.
 *
 * @param checkConfig called with a folder's config.json before its weights are fetched; what it throws ends the call
 */
export async function locateModel(
  name: string,
  options: FindModelOptions,
  checkConfig?: HubOptions["checkConfig"],
): Promise<string> {
  if (existsSync(name) || !looksLikeHubId(name)) return name;
  const { signal, onDownload: onProgress, environment } = options;
  const { parseModelId, resolveModel } = await import("@amulet-ts/files");
  const found = await interruptible(signal, () =>
    resolveModel(parseModelId(name), { signal, onProgress, environment, checkConfig }),
  );
  return found.path;
}

/** `models/tiny.gguf` has the shape of a repository's name, but is a file that is not there. */
function looksLikeHubId(name: string): boolean {
  return hubId.test(name) && (/[:@]/.test(name) || !/\.gguf$/i.test(name));
}
