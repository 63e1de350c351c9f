/** The library's API with the model elsewhere: an engine in a worker, and what can be asked of its model. */
import type { Precision } from "@amulet-ts/backends";
import type { AnswerScore, ChatMessage, ChatPrompt, EngineBackend, PrefillProgress } from "@amulet-ts/core";
import type { ModelAddress, ModelNeeds } from "@amulet-ts/models/browser";
import { WebError } from "../errors.js";
import type {
  AnswerOrder,
  EngineFacts,
  OpenOrder,
  RowsOrder,
  ScoreOrder,
  WorkerMemory,
} from "../protocol/messages.js";
import { AnswerStream, PieceStream } from "./stream.js";
import { type CallOptions, Wire, type WorkerLike } from "./wire.js";

export interface OpenEngineOptions extends CallOptions {
  /** A worker that nobody has used, whose script imports `@amulet-ts/web/worker`. The engine takes it over. */
  readonly worker: WorkerLike;
  /**
   * The URL of a GGUF file or of a folder in Hugging Face's layout, relative to the page or not; a GGUF file as a blob,
   * such as the `File` that a user has chosen; a folder's files by name.
   */
  readonly model: ModelAddress;
  /** wasm, webgpu or cpu. Default: the fastest that is here. */
  readonly backend?: string | undefined;
  /** webgpu: `f16` multiplies in half precision, where the card has it. Default: f32. */
  readonly precision?: Precision | undefined;
  /** The URL of the folder with the .wasm files of @tensorflow/tfjs-backend-wasm. Default: beside the worker's script. */
  readonly wasmFolder?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called while parameters are loaded; `done` and `total` count numbers. */
  readonly onProgress?: ((progress: PrefillProgress) => void) | undefined;
}

/** The model in the worker, for {@link generate} and the others. */
export interface WebModel extends Omit<EngineFacts, "endTokens" | "source" | "backend" | "notes" | "loadMs"> {
  readonly endTokens: ReadonlySet<number>;
  /** Renders a chat with the model's template, ready for an answer. */
  renderChat(messages: readonly ChatMessage[]): Promise<ChatPrompt>;
}

/** Text to token ids and back. */
export interface WebTokenizer {
  encode(text: string, options?: { readonly parseSpecial?: boolean }): Promise<readonly number[]>;
  decode(ids: readonly number[]): Promise<string>;
  /** The tokens as the vocabulary writes them. */
  pieces(ids: readonly number[]): Promise<string[]>;
}

/** As core's `Engine`, with promises where the worker is asked. */
export interface WebEngine {
  readonly model: WebModel;
  readonly tokenizer: WebTokenizer;
  readonly source: string;
  readonly backend: EngineBackend;
  readonly parameterCount: number;
  readonly notes: readonly string[];
  readonly loadMs: number;
  /** The tensors that the worker holds. */
  memory(): Promise<WorkerMemory>;
  /** Ends the worker, and with it whatever is under way, which then fails with the code `closed`. */
  dispose(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Which worker a model is in. */
const wires = new WeakMap<WebModel, Wire>();

/**
 * Opens a model in a worker, ready for {@link generate}. The caller disposes it. Where that fails, the worker is ended.
 *
 * @throws WebError `bad-request`, `worker-failed`; CoreError `aborted`; FilesError, ModelError, BackendError as they are
 *   in the worker
 */
export async function openEngine(options: OpenEngineOptions): Promise<WebEngine> {
  const { worker, signal, onProgress } = checkOptions(options);
  const wire = new Wire(worker);
  try {
    return makeEngine(wire, await wire.ask("open", orderOf(options), { signal, onProgress }));
  } catch (error) {
    wire.end(error as Error);
    throw error;
  }
}

/**
 * What a model needs on the backend that would run it, and whether it fits, by its headers alone. The worker is ended.
 *
 * @throws as {@link openEngine} does, but for want of memory: that is in what it returns
 */
export async function readNeeds(options: OpenEngineOptions): Promise<ModelNeeds> {
  const { worker, signal } = checkOptions(options);
  const wire = new Wire(worker);
  try {
    return await wire.ask("needs", orderOf(options), { signal });
  } finally {
    wire.end(new WebError("closed", "The worker was for one question."));
  }
}

function orderOf({ model, backend, precision, wasmFolder }: OpenEngineOptions): OpenOrder {
  return {
    model: typeof model === "string" || model instanceof URL ? wholeUrl(model) : model,
    ...(backend !== undefined && { backend }),
    ...(precision !== undefined && { precision }),
    ...(wasmFolder !== undefined && { wasmFolder: wholeUrl(wasmFolder) }),
  };
}

function checkOptions(options: OpenEngineOptions): OpenEngineOptions {
  const { worker, model } = options ?? {};
  if (typeof worker?.postMessage !== "function") {
    throw new WebError(
      "bad-request",
      "openEngine expects a worker, such as new Worker(…), as the option worker.",
    );
  }
  if (model !== undefined && model !== null && model !== "") return options;
  throw new WebError(
    "bad-request",
    "openEngine expects the URL of a model, a GGUF file as a Blob, or a folder's files by name as the option model.",
  );
}

/** The worker's script lies elsewhere, and what is relative is relative to the page. */
function wholeUrl(address: string | URL): string {
  const { document, location } = globalThis as {
    document?: { baseURI?: string };
    location?: { href?: string };
  };
  try {
    return new URL(address, document?.baseURI ?? location?.href).href;
  } catch {
    // The worker says what is wrong with it.
    return String(address);
  }
}

function makeEngine(wire: Wire, facts: EngineFacts): WebEngine {
  const { endTokens, source, backend, notes, loadMs, ...shape } = facts;
  const model: WebModel = {
    ...shape,
    endTokens: new Set(endTokens),
    renderChat: (messages) => wire.ask("renderChat", messages),
  };
  wires.set(model, wire);
  const dispose = async () => wire.end(new WebError("closed", "The engine was disposed of."));
  return {
    model,
    tokenizer: {
      encode: (text, options = {}) => wire.ask("encode", { ...options, text }),
      decode: (ids) => wire.ask("decode", [...ids]),
      pieces: (ids) => wire.ask("pieces", [...ids]),
    },
    ...{ source, backend, notes, loadMs, parameterCount: facts.parameterCount },
    memory: () => wire.ask("memory", undefined),
    dispose,
    [Symbol.asyncDispose]: dispose,
  };
}

/** The order without what stays in the page. */
function split<O extends CallOptions>({ signal, onProgress, ...order }: O) {
  return { order, options: { signal, onProgress } };
}

/** What to answer and how, see core's `generate`; methods are named, not handed over. */
export type GenerateOptions = AnswerOrder & CallOptions;

/**
 * Answers a question under a stated preference, piece by piece, by one method or by several side by side; the last
 * piece of each carries the whole answer.
 *
 * @throws what core's `generate` throws; WebError `bad-request`, `worker-failed`, `closed`
 */
export function generate(model: WebModel, options: GenerateOptions): AnswerStream {
  const { order, options: own } = split(options);
  return new AnswerStream(wireOf(model), "generate", order as AnswerOrder, own);
}

/**
 * Both prompts' log-policies at every place of a given answer, the one behind its last token included: π for any x is
 * softmax(logBase + x (logPreference − logBase)). `generate` tells them too, with `reportRows`.
 */
export function readRows(model: WebModel, options: RowsOrder & CallOptions): PieceStream<"readRows"> {
  const { order, options: own } = split(options);
  return new PieceStream(wireOf(model), "readRows", order as RowsOrder, own);
}

/** How probable a given answer is under each method, see core's `scoreAnswer`. */
export function scoreAnswer(model: WebModel, options: ScoreOrder & CallOptions): Promise<AnswerScore[]> {
  const { order, options: own } = split(options);
  return wireOf(model).ask("score", order as ScoreOrder, own);
}

function wireOf(model: WebModel): Wire {
  const wire = wires.get(model);
  if (wire) return wire;
  throw new WebError(
    "bad-request",
    "The model must be that of an engine which openEngine of this package opened.",
  );
}
