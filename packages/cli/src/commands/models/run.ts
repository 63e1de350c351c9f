/** `amulet models`: models of the hub in the local cache. */
import {
  type CachedRepository,
  type CachedRevision,
  cachedModelPath,
  cacheFolder,
  formatBytes,
  listCachedModels,
  removeCachedModel,
  resolveModel,
} from "@amulet-ts/files";
import { checkConfig } from "@amulet-ts/models";
import type { Invocation } from "../../command.js";
import { CliError, usageError } from "../../errors.js";
import type { Io } from "../../io.js";
import { withDownload } from "../../options/model.js";
import { didYouMean } from "../../options/suggest.js";
import { colorsFor } from "../../terminal/colors.js";
import { formatCount, writeJson, writeNote, writeRows, writeText } from "../../terminal/output.js";
import { layOutTable } from "../../terminal/table.js";
import type { ModelsValues } from "./command.js";

type Action = (id: string, io: Io, json: boolean) => Promise<void>;

/** What is done to one model. */
const actions: Readonly<Record<string, Action>> = { pull, path: printPath, remove };
const actionNames = ["list", ...Object.keys(actions)];

export async function run({ values, words, io }: Invocation<ModelsValues>): Promise<void> {
  const [name = "list", id, ...more] = words;
  const json = values.json ?? false;
  const action = Object.hasOwn(actions, name) ? actions[name] : undefined;
  if (!action && name !== "list") {
    const known = actionNames.join(", ");
    throw usageError(
      `There is no \`amulet models ${name}\`.${didYouMean(name, actionNames)} There are: ${known}.`,
    );
  }
  if (!action) {
    if (id !== undefined) throw usageError(`\`amulet models list\` takes no more words; got ${quote(id)}.`);
    return list(io, json);
  }
  if (id === undefined)
    throw usageError(`Which model? \`amulet models ${name} org/name[:file.gguf][@revision]\`.`);
  if (more.length > 0)
    throw usageError(`One model was expected; got ${words.slice(1).map(quote).join(", ")}.`);
  return action(id, io, json);
}

async function list(io: Io, json: boolean): Promise<void> {
  const { environment } = io;
  const models = await listCachedModels({ environment });
  const cache = cacheFolder({ environment });
  if (json) return writeJson(io, { cache, models });
  if (models.length === 0) {
    writeRows(io, [`No models in ${cache}. \`amulet models pull org/name\` fetches one.`]);
    return;
  }
  const { bold, dim } = colorsFor(io.stdout, environment);
  const [heading, ...rows] = layOutTable([["MODEL", "SIZE", "REVISIONS"], ...models.flatMap(describe)], [1]);
  const total = models.reduce((sum, { bytes }) => sum + bytes, 0);
  const footer = `${formatCount(models.length, "model")}, ${formatBytes(total)}, in ${cache}`;
  writeRows(io, [bold(heading!), ...rows, dim(footer)]);
}

/** A row for the repository, and one for each further name that `--model` takes from it. */
function describe({ repository, bytes, revisions }: CachedRepository): string[][] {
  const ids = revisions.flatMap((revision) => revision.ids).filter((id) => id !== repository);
  const told = revisions.map(describeRevision).join(", ") || "unfinished";
  return [[repository, formatBytes(bytes), told], ...ids.map((id) => [`  ${id}`, "", ""])];
}

function describeRevision({ commit, refs, ids }: CachedRevision): string {
  const name = [...refs, commit.slice(0, 7)].join(" ");
  return ids.length > 0 ? name : `${name} (unfinished)`;
}

/** Asks the hub whether there is something newer; an interrupted download goes on where it ended. */
async function pull(id: string, io: Io, json: boolean): Promise<void> {
  const { environment, signal } = io;
  const model = await withDownload(id, io, (onProgress) =>
    resolveModel(id, { environment, signal, onProgress, refresh: true, checkConfig }),
  );
  if (json) return writeJson(io, { id, ...model });
  const { fetchedBytes, path } = model;
  writeNote(
    io,
    fetchedBytes > 0 ? `fetched ${formatBytes(fetchedBytes)} of ${id}` : `${id} was here already`,
  );
  writeText(io, `${path}\n`);
}

async function printPath(id: string, io: Io, json: boolean): Promise<void> {
  const { environment } = io;
  const path = await cachedModelPath(id, { environment });
  if (path === undefined) {
    throw new CliError(
      "not-cached",
      `${id} is not whole in the cache ${cacheFolder({ environment })}: \`amulet models pull ${id}\` fetches it.`,
    );
  }
  if (json) return writeJson(io, { id, path });
  writeText(io, `${path}\n`);
}

async function remove(id: string, io: Io, json: boolean): Promise<void> {
  const removed = await removeCachedModel(id, { environment: io.environment });
  if (json) return writeJson(io, { id, ...removed });
  writeRows(io, [`Removed ${id}: ${formatBytes(removed.freedBytes)} freed.`]);
}

function quote(word: string): string {
  return JSON.stringify(word);
}
