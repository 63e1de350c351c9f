/** Models of a server that gives log-probabilities: llama-server, vLLM, SGLang. */
import "@amulet-ts/core/disposal";
import { existsSync } from "node:fs";
import { startBackend } from "@amulet-ts/backends";
import type { ChatModel, Engine } from "@amulet-ts/core";
import { type ModelTokenizer, openTokenizer } from "@amulet-ts/files";
import { EngineError } from "../errors.js";
import { locateModel } from "../find-model.js";
import type { OpenEngineOptions } from "../options.js";
import { HttpClient } from "./client.js";
import { findServer } from "./servers/find-server.js";
import type { InferenceServer } from "./servers/server.js";
import { HttpSession } from "./session.js";

/** Some hundred columns are no work for more. */
const methodBackend = "cpu";

/** Words, digits, letters of several scripts, a sign beyond 16 bits. */
const probe = "How do I make 12.5 cups of tea? Übung macht den Meister, привет 🍵 x_1 == y2;";

/** Tokens of a context of which the server does not tell. */
const assumedContext = 4096;

/**
 * Asks a server what it is, and opens the tokenizer of its model here. The key is taken from `AMULET_ENGINE_KEY`.
 *
 * @throws EngineError, FilesError, BackendError, CoreError `aborted`
 */
export async function openHttpEngine(options: OpenEngineOptions): Promise<Engine> {
  const { engine, model: wanted, backend = methodBackend, signal, environment = process.env } = options;
  const started = performance.now();
  const client = new HttpClient({ address: engine!, key: environment.AMULET_ENGINE_KEY });
  const server = await findServer(client, wanted, { signal });
  const text = await openServersTokenizer(server, options);
  await checkTokens(server, text, signal);
  const methods = await startBackend(backend);
  const ending = new AbortController();
  const dispose = async () => ending.abort();
  return {
    model: new HttpModel(server, text, {
      candidates: options.candidates ?? server.usualCandidates,
      ended: ending.signal,
    }),
    tokenizer: text.tokenizer,
    source: client.address,
    backend: {
      name: server.kind,
      description: `${server.kind} at ${client.address}; methods on ${methods.name}`,
      version: `${server.kind} ${server.version}`,
    },
    ...(server.parameterCount !== undefined && { parameterCount: server.parameterCount }),
    notes: [...text.tokenizer.notes, ...server.notes, ...contextNote(server)],
    loadMs: performance.now() - started,
    dispose,
    [Symbol.asyncDispose]: dispose,
  };
}

class HttpModel implements ChatModel {
  readonly coverage = "top";
  readonly name: string;
  readonly vocabularySize: number;
  readonly contextLength: number;
  readonly endTokens: ReadonlySet<number>;

  constructor(
    private readonly server: InferenceServer,
    private readonly text: ModelTokenizer,
    private readonly options: { readonly candidates: number; readonly ended: AbortSignal },
  ) {
    this.name = server.modelName;
    this.vocabularySize = server.vocabularySize ?? text.tokenizer.vocabularySize;
    this.contextLength = server.contextLength ?? assumedContext;
    this.endTokens = new Set(text.tokenizer.endTokens.filter((id) => id < this.vocabularySize));
  }

  openSession(rowCount: number): HttpSession {
    return new HttpSession(this.server, rowCount, { ...this.options, vocabularySize: this.vocabularySize });
  }

  renderChat(messages: Parameters<ChatModel["renderChat"]>[0]) {
    return this.text.renderChat(messages);
  }

  renderChatSteps(messages: Parameters<ChatModel["renderChat"]>[0]) {
    return this.text.renderChatSteps(messages);
  }

  textStream() {
    return this.text.tokenizer.streamDecoder();
  }
}

/** Where none is named: the files that the server has, should they lie on this disk too. */
async function openServersTokenizer(
  { modelPath, kind, modelName }: InferenceServer,
  options: OpenEngineOptions,
): Promise<ModelTokenizer> {
  const { tokenizer: named, signal, onDownload, environment } = options;
  if (named !== undefined)
    return openTokenizer(await locateModel(named, { signal, onDownload, environment }));
  if (modelPath !== undefined && existsSync(modelPath)) return openTokenizer(modelPath);
  throw new EngineError(
    "bad-request",
    `${kind} has ${modelName} from ${modelPath ?? "a place that it does not name"}, which is not on this disk: name the model's ` +
      "tokenizer with --tokenizer, a folder, a .gguf file or a hub id.",
  );
}

/** @throws EngineError `refused` where the server reads a text otherwise */
async function checkTokens(
  server: InferenceServer,
  { tokenizer, name }: ModelTokenizer,
  signal: AbortSignal | undefined,
): Promise<void> {
  const theirs = await server.tokenize(probe, { signal });
  if (theirs === undefined) return;
  const ours = tokenizer.encode(probe, { parseSpecial: true });
  const at = theirs.findIndex((id, t) => id !== ours[t]);
  if (at < 0 && theirs.length === ours.length) return;
  throw new EngineError(
    "refused",
    `${server.kind} reads a probe text otherwise than the tokenizer of ${name}, from token ${Math.max(0, at)} on: name the ` +
      "tokenizer of the model that the server has, with --tokenizer.",
  );
}

function contextNote({ kind, contextLength }: InferenceServer): string[] {
  if (contextLength !== undefined) return [];
  return [`${kind} does not tell how many tokens its model reads; ${assumedContext} are assumed.`];
}
