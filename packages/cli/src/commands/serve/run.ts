/** `amulet serve`: answers until it is ended. */
import { once } from "node:events";
import type { Engine } from "@amulet-ts/core";
import { readPageFile } from "@amulet-ts/explorer";
import { formatBytes } from "@amulet-ts/files";
import { faultOfOrigin, isLoopback, type RunningServer, startServer } from "@amulet-ts/server";
import type { Invocation } from "../../command.js";
import { usageError } from "../../errors.js";
import { openModel } from "../../options/model.js";
import { writeJson, writeNote } from "../../terminal/output.js";
import type { ServeValues } from "./command.js";
import { RequestLog } from "./request-log.js";

export async function run({ values, io }: Invocation<ServeValues>): Promise<void> {
  const { host = "127.0.0.1", grace = 10, json = false } = values;
  const apiKey = values["api-key"] ?? (io.environment.AMULET_API_KEY || undefined);
  const log = new RequestLog(io, json, () => server.load);
  const server: RunningServer = await startServer({
    engine: () => openModel(values, io),
    name: isDefaultModel(values) ? "embedded" : undefined,
    host,
    port: values.port,
    apiKey,
    cors: readOrigins(values.cors),
    profiles: readProfiles(values.profile ?? []),
    parallel: values.parallel,
    queue: values.queue,
    heldTokens: values["held-tokens"],
    prefixTokens: values["prefix-tokens"],
    maxNewTokens: values["max-new-tokens"],
    page: (path) => readPageFile(path, { server: apiKey === undefined ? "open" : "key" }),
    onRequest: (record) => log.add(record),
  });
  if (apiKey === undefined && !isLoopback(host))
    writeNote(io, `Whoever reaches ${server.address} is answered: there is no --api-key.`);
  try {
    await using engine = await server.ready;
    try {
      announce(server, engine, { values, io });
      log.begin();
      if (!io.signal.aborted) await once(io.signal, "abort");
    } finally {
      await server.close(1000 * grace);
    }
  } finally {
    log.end();
    await server.close(0);
  }
}

/** Where the embedded model answers it is called so; its folder's name says nothing. */
function isDefaultModel({ model, engine = "tfjs" }: ServeValues): boolean {
  return model === undefined && engine === "tfjs";
}

/** @throws CliError `usage` */
function readOrigins(named: ServeValues["cors"]): ServeValues["cors"] {
  const fault = named?.map(faultOfOrigin).find((found) => found !== undefined);
  if (fault !== undefined) throw usageError(`--cors ${fault}.`);
  return named;
}

/** @throws CliError `usage` */
function readProfiles(written: readonly string[]): Record<string, string> {
  const profiles = new Map<string, string>();
  for (const profile of written) {
    const [, name, text] = /^([\w.-]{1,64})=(.*\S.*)$/s.exec(profile) ?? [];
    if (name === undefined || text === undefined)
      throw usageError(
        `--profile must be NAME=TEXT, such as brief="Your answer should be concise."; it is ${JSON.stringify(profile)}.`,
      );
    if (profiles.has(name)) throw usageError(`There are two profiles ${name}: give each a name of its own.`);
    profiles.set(name, text);
  }
  return Object.fromEntries(profiles);
}

function announce(
  { address, bounds }: RunningServer,
  engine: Engine,
  { values, io }: Pick<Invocation<ServeValues>, "values" | "io">,
): void {
  const name = isDefaultModel(values) ? "embedded" : engine.model.name;
  const backend = engine.backend.name;
  const { heldTokens, prefixTokens } = bounds!;
  if (values.json) {
    const { cacheBytesPerToken } = engine;
    const cache = {
      heldTokens,
      prefixTokens,
      ...(cacheBytesPerToken !== undefined && { cacheBytesPerToken }),
    };
    writeJson(io, { listening: `${address}/v1`, model: name, backend, ...cache });
    return;
  }
  writeNote(io, `${name} answers at ${address}/v1, on ${backend}; ${address}/ is a page about it.`);
  const tokens = (count: number) => describeTokens(count, engine);
  writeNote(
    io,
    `Running answers hold at most ${tokens(heldTokens)} (--held-tokens); ${tokens(prefixTokens)} more are kept for prompts ` +
      "that begin alike (--prefix-tokens).",
  );
}

/** With the memory that they take, where the engine tells. */
function describeTokens(count: number, { cacheBytesPerToken }: Engine): string {
  const bytes = cacheBytesPerToken === undefined ? "" : `, ${formatBytes(count * cacheBytesPerToken)}`;
  return `${count.toLocaleString("en")} tokens${bytes}`;
}
