/** The model in its worker, and the answers that it is asked for. */

import {
  type AnswerStream,
  generate,
  type MethodDescription,
  openEngine,
  readRows,
  type WebEngine,
} from "@amulet-ts/web";
import { effect, signal } from "@preact/signals-core";
import { measureToken, type Place } from "../src/policy.js";
import { type Setting, settingsOf, writeSetting } from "../src/state.js";
import {
  announced,
  answers,
  dial,
  placesKnown,
  type SaidToken,
  type ShownAnswer,
  selected,
  startAnswer,
  state,
  usePieces,
} from "./store.js";
import { texts } from "./texts.js";

export type Address = Parameters<typeof openEngine>[0]["model"];

export interface EngineStatus {
  readonly kind: "loading" | "ready" | "failed";
  readonly says: string;
  readonly share?: number;
}

export const engine = signal<WebEngine | undefined>(undefined);
export const isEmbedded = signal(true);
export const status = signal<EngineStatus>({ kind: "loading", says: texts.model.loading });
export const isAnswering = signal(false);
/** Why the last answer did not come. */
export const complaint = signal("");

/** Rows of more than this stay where they came from, and are asked for again where somebody looks. */
const mostRowBytes = 2 ** 26;
const maxNewTokens = 128;

export async function openEmbedded(): Promise<void> {
  await open(new URL("model/", document.baseURI), texts.model.embedded, true);
}

/** Takes the place of the model that is open, once it is there; a model that can't be opened leaves the other one. */
export async function open(model: Address, name: string, embedded = false): Promise<void> {
  const before = status.peek();
  status.value = { kind: "loading", says: texts.model.loadingNamed(name), share: 0 };
  const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
  const onProgress = ({ done, total }: { done: number; total: number }) => {
    status.value = { kind: "loading", says: texts.model.loadingNamed(name), share: total && done / total };
  };
  try {
    const wasmFolder = new URL("wasm/", document.baseURI).href;
    const opened = await openEngine({ worker, model, wasmFolder, onProgress });
    stop();
    await engine.peek()?.dispose();
    isEmbedded.value = embedded;
    usePieces(embedded ? undefined : (ids) => Promise.all(ids.map((id) => opened.tokenizer.decode([id]))));
    engine.value = opened;
    status.value = { kind: "ready", says: texts.model.ready(name, opened) };
  } catch (error) {
    status.value = engine.peek() ? before : { kind: "failed", says: sentenceOf(error) };
    throw error;
  }
}

export function sentenceOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

export function methodFor({ x, nats }: Setting): MethodDescription {
  const isBounded = Number.isFinite(nats) && x > 1;
  return isBounded ? { name: "bounded", nats, guidanceScale: x } : { name: "guidance", guidanceScale: x };
}

interface Running {
  readonly stream: AnswerStream;
  /** The dial's answer among those that are under way. */
  readonly dialIndex: number;
  readonly controller: AbortController;
}
let running: Running | undefined;

export function stop(): void {
  running?.controller.abort();
  running = undefined;
  isAnswering.value = false;
}

/** Answers all settings anew; quietly, where the answers that are there stay until the new ones are whole. */
export async function ask(isQuiet = false): Promise<void> {
  if (!engine.peek()) return;
  const fresh = settingsOf(state.peek()).map((setting) => startAnswer(setting));
  if (!isQuiet) answers.value = fresh;
  await answer(fresh, []);
  if (isQuiet && fresh.every((one) => one.status.value !== "stopped")) answers.value = fresh;
  announced.value = fresh.map(texts.answer.read).join(" ");
}

/** Says the rest of an answer anew, from a token on, with the preference and the dial as they stand now. */
export async function rewrite(column: number, from: number): Promise<void> {
  const before = answers.peek()[column];
  if (!engine.peek() || !before) return;
  const kept = before.tokens.slice(0, from);
  const fresh = startAnswer(dial.peek(), kept);
  answers.value = answers.peek().map((one, i) => (i === column ? fresh : one));
  await answer([fresh], kept);
  announced.value = texts.answer.read(fresh);
}

async function answer(fresh: readonly ShownAnswer[], begun: readonly SaidToken[]): Promise<void> {
  stop();
  const { question, preference } = state.peek();
  const controller = new AbortController();
  const stream = generate(engine.peek()!.model, {
    question,
    preference,
    methods: fresh.map(({ setting }) => methodFor(setting)),
    begun: begun.map(({ id }) => id),
    maxNewTokens: Math.max(1, maxNewTokens - begun.length),
    reportRows: true,
    signal: controller.signal,
  });
  running = { stream, dialIndex: fresh.length - 1, controller };
  isAnswering.value = true;
  complaint.value = "";
  try {
    for await (const piece of stream) takePiece(fresh[piece.index]!, piece);
  } catch (error) {
    for (const one of fresh) if (one.status.value === "growing") one.status.value = "stopped";
    if (!controller.signal.aborted) complaint.value = sentenceOf(error);
  } finally {
    if (running?.stream === stream) stop();
  }
}

type Piece = Awaited<ReturnType<AnswerStream["next"]>>["value"] & object;

function takePiece(answer: ShownAnswer, { id, text, rows, gamma, answer: whole }: Piece): void {
  if (whole) answer.status.value = whole.finishReason === "stop" ? "whole" : "cut";
  const isEnd = id !== undefined && engine.peek()!.model.endTokens.has(id);
  if (id === undefined || isEnd) return;
  const isDial = answer === answers.peek().at(-1);
  const { x, nats } = isDial ? dial.peek() : answer.setting;
  const at = rows && { base: rows.logBase_V, preference: rows.logPreference_V };
  const strength = gamma === undefined ? { x, nats } : { x: gamma + 1, nats: Number.POSITIVE_INFINITY };
  answer.tokens.push({
    id,
    text,
    ...(at && { measures: measureToken(at, id, strength) }),
    ...(at && fitsWith(answer, at) && { place: at }),
  });
  answer.count.value = answer.tokens.length;
}

function fitsWith(answer: ShownAnswer, { base }: Place): boolean {
  return 8 * base.length * (answer.tokens.length + 1) <= mostRowBytes;
}

/** What stands in the fields and on the dial while an answer grows holds for the rest of it. */
export function followChanges(): void {
  let asked = state.peek().preference;
  let set = writeSetting(dial.peek());
  effect(() => {
    const { preference } = state.value;
    const setting = dial.value;
    const isOther = writeSetting(setting) !== set;
    const isOtherWish = preference !== asked;
    [asked, set] = [preference, writeSetting(setting)];
    if (!running) return;
    if (isOther) running.stream.change({ method: methodFor(setting) }, running.dialIndex);
    if (isOtherWish && preference.trim() !== "")
      running.stream.change({ preferences: [{ text: preference }] });
  });
}

/** Asks for both policies at a token that somebody looks at and that has none yet. */
export function followSelection(): void {
  effect(() => {
    const [looked, opened] = [selected.value, engine.value];
    if (!looked || !opened || looked.token.place || isAnswering.value) return;
    void fetchPlace(opened, looked.answer, looked.at);
  });
}

async function fetchPlace(opened: WebEngine, { question, preference, tokens }: ShownAnswer, at: number) {
  const token = tokens[at]!;
  const answer = tokens.slice(0, at).map(({ id }) => id);
  for await (const row of readRows(opened.model, { question, preference, answer })) {
    if (row.position !== at) continue;
    token.place = { base: row.logBase_V, preference: row.logPreference_V };
    placesKnown.value += 1;
  }
}

/** An answer of its own, beside those of the page: what a point of the study's curves says. */
export async function answerOnce(
  question: string,
  preference: string,
  method: MethodDescription,
  tell: (text: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const opened = engine.peek();
  if (!opened) return;
  let text = "";
  const options = { question, preference, method, maxNewTokens: 144, signal };
  for await (const piece of generate(opened.model, options)) {
    text = piece.answer?.text ?? text + piece.text;
    tell(text);
  }
}
