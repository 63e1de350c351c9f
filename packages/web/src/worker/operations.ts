/** What the worker does for its page: core's functions on the one model that it has open. */
import { startBackend } from "@amulet-ts/backends";
import {
  type AnswerPiece,
  answerPrompts,
  type Change,
  decode,
  type LanguageModel,
  makeMethod,
  type PrefillProgress,
  type Question,
  type RenderedPrompts,
  renderPrompts,
  scoreAnswer,
  strengthSchedule,
  type TokenRow,
  throwIfAborted,
  type WeightedQuestion,
} from "@amulet-ts/core";
import { loadModel, type Model, type ModelNeeds, readNeeds } from "@amulet-ts/models/browser";
import * as tf from "@tensorflow/tfjs-core";
import { WebError } from "../errors.js";
import type {
  AnswerChange,
  AnswerOrder,
  EngineFacts,
  OpenOrder,
  OperationName,
  Operations,
  RowsOrder,
} from "../protocol/messages.js";

/** A call that is under way, as an operation sees it. */
export interface Call<Piece> {
  readonly signal: AbortSignal;
  /** What was asked to change since the last look, oldest first. */
  takeChanges(): readonly PendingChange[];
  /** @param buffers go to the page and are not to be used any more */
  tell(piece: Piece, buffers?: readonly ArrayBufferLike[]): void;
  onProgress(progress: PrefillProgress): void;
}

export interface PendingChange {
  readonly change: AnswerChange;
  readonly index?: number;
}

type Operation<Name extends OperationName> = (
  order: Operations[Name]["order"],
  call: Call<Operations[Name]["piece"]>,
) => Promise<Operations[Name]["value"]>;

/** The operations of a worker of its own, which has no model yet. */
export function createOperations(): { readonly [Name in OperationName]: Operation<Name> } {
  let opened: Model | undefined;
  const model = () => {
    if (opened) return opened;
    throw new WebError("bad-request", "The worker has no model: call openEngine first.");
  };
  return {
    open: async (order, call) => {
      if (opened) throw new WebError("bad-request", "The worker has a model already: make another worker.");
      const { facts, loaded } = await open(order, call);
      opened = loaded;
      return facts;
    },
    needs,
    generate: (order, call) => answer(model(), order, call),
    readRows: (order, call) => readRows(model(), order, call),
    score: async ({ answer: ids, methods, ...question }, { signal, onProgress }) => {
      const { base, preferences } = renderPrompts(model(), question);
      const prompts = { base, preference: preferences[0]!.tokens };
      return scoreAnswer(model(), prompts, ids, methods.map(makeMethod), { signal, onProgress });
    },
    renderChat: async (messages) => model().renderChat(messages),
    encode: async ({ text, parseSpecial = false }) => model().tokenizer.encode(text, { parseSpecial }),
    decode: async (ids) => model().tokenizer.decode(ids),
    pieces: async (ids) => ids.map((id) => model().tokenizer.piece(id)),
    memory: async () => {
      const { numTensors, numBytes } = tf.memory();
      return { numTensors, numBytes };
    },
  };
}

async function open(
  { model: source, backend, ...options }: OpenOrder,
  { signal, onProgress }: Call<never>,
): Promise<{ facts: EngineFacts; loaded: Model }> {
  const started = performance.now();
  const running = await startBackend(backend, options);
  throwIfAborted(signal, "Opening the model");
  const { memory, name, description, version, passedOver } = running;
  const loaded = await loadModel(source, { memory, signal, onProgress });
  const { family, vocabularySize, contextLength, endTokens, parameterCount, notes } = loaded;
  const facts = {
    ...{ name: loaded.name, family, vocabularySize, contextLength, parameterCount },
    endTokens: [...endTokens],
    source: typeof source === "string" ? source : "files of the page",
    backend: { name, description, version },
    notes: [...passedOver, ...notes],
    loadMs: performance.now() - started,
  };
  return { facts, loaded };
}

async function needs({ model, backend, ...options }: OpenOrder): Promise<ModelNeeds> {
  const { memory } = await startBackend(backend, options);
  return readNeeds(model, memory);
}

async function answer(
  model: Model,
  order: AnswerOrder,
  { signal, onProgress, takeChanges, tell }: Call<AnswerPiece>,
): Promise<undefined> {
  const { method, methods, strengthSchedule: written, begun: _, ...options } = order;
  const schedule = written === undefined ? undefined : strengthSchedule(written);
  if ([method, methods, schedule].filter((given) => given !== undefined).length > 1)
    throw new WebError("bad-request", "Give one of method, methods and strengthSchedule.");
  const described = (methods ?? [method ?? "bounded"]).map(makeMethod);
  /** For each answer what it has yet to be told. */
  const pending = described.map((): Change => ({}));
  const beforeToken = (generated: readonly number[], index: number): Change => {
    for (const { change, index: only } of takeChanges()) {
      const rendered = renderChange(model, order, change);
      for (const i of pending.keys())
        if (only === undefined || only === i) pending[i] = { ...pending[i], ...rendered };
    }
    const change = { ...schedule?.beforeToken(generated), ...pending[index] };
    pending[index] = {};
    return change;
  };
  const answering = { ...options, signal, onProgress, beforeToken };
  const asked = schedule ? [schedule.methodAt(0)] : described;
  for await (const piece of answerPrompts(model, promptsOf(model, order, order), asked, answering)) {
    tell(piece, piece.rows && [piece.rows.logBase_V.buffer, piece.rows.logPreference_V.buffer]);
  }
  return undefined;
}

/** The prompts, and behind each of them what the answer has already. */
function promptsOf(
  model: Model,
  question: Question | WeightedQuestion,
  { begun = [] }: AnswerOrder,
): RenderedPrompts {
  const prompts = renderPrompts(model, question);
  const withBegun = (tokens: TokenRow): TokenRow => [...tokens, ...begun];
  return {
    ...prompts,
    base: withBegun(prompts.base),
    preferences: prompts.preferences.map(({ tokens, weight }) => ({ tokens: withBegun(tokens), weight })),
  };
}

function renderChange(model: Model, order: AnswerOrder, { method, preferences }: AnswerChange): Change {
  const { question, system, preferenceIn, negativePrompt } = order;
  const asked = {
    question,
    ...(system !== undefined && { system }),
    ...(preferenceIn && { preferenceIn }),
    ...(negativePrompt !== undefined && { negativePrompt }),
  };
  return {
    ...(method !== undefined && { method: makeMethod(method) }),
    ...(preferences && { preferences: promptsOf(model, { ...asked, preferences }, order).preferences }),
  };
}

/** Both policies along a given answer: the loop, made to say it. */
async function readRows(
  model: Model,
  { answer: ids, ...question }: RowsOrder,
  { signal, onProgress, tell }: Call<Operations["readRows"]["piece"]>,
): Promise<undefined> {
  const said = (generated: TokenRow) => ids[generated.length] ?? 0;
  const request = {
    ...renderPrompts(model, question),
    method: makeMethod("pref"),
    choose: (_: Float32Array, { generated }: { readonly generated: TokenRow }) => said(generated),
    maxNewTokens: ids.length + 1,
    reportRows: true,
  };
  let position = 0;
  for await (const event of decode(withoutEnd(model), [request], { signal, onProgress })) {
    if (event.type === "end") break;
    const { logBase_V, logPreference_V } = event.rows!;
    const id = ids[position];
    const place = { position: position++, ...(id !== undefined && { id }), logBase_V, logPreference_V };
    tell(place, [logBase_V.buffer, logPreference_V.buffer]);
  }
  return undefined;
}

/** The model, with nothing that ends an answer early. */
function withoutEnd(model: LanguageModel): LanguageModel {
  const { name, vocabularySize, contextLength, coverage } = model;
  const openSession = (rowCount: number) => model.openSession(rowCount);
  return { name, vocabularySize, contextLength, coverage, endTokens: new Set(), openSession };
}
