/** The model that answers, and the answers that it is asked for. */
import { effect, signal } from "@preact/signals-core";
import { measureToken, type Place } from "../src/policy.js";
import { settingsOf, withBudgets, writeSetting } from "../src/state.js";
import { type Address, type InPageModel, openEmbeddedInPage, openInPage } from "./models/in-page.js";
import type { Answering, Piece, SpeakingModel } from "./models/model.js";
import { connect, type ServerModel } from "./models/on-server.js";
import {
  announced,
  answers,
  change,
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

export type { Address };

export interface EngineStatus {
  readonly kind: "loading" | "ready" | "failed";
  readonly says: string;
  readonly share?: number;
}

export const engine = signal<SpeakingModel | undefined>(undefined);
export const isEmbedded = () => engine.value === undefined || engine.value.kind === "embedded";
export const status = signal<EngineStatus>({ kind: "loading", says: texts.model.loading });
export const isAnswering = signal(false);
/** Why the last answer did not come. */
export const complaint = signal("");

/** Rows of more than this stay where they came from, and are asked for again where somebody looks. */
const mostRowBytes = 2 ** 26;
const maxNewTokens = 128;

export function openEmbedded(): Promise<void> {
  return take(texts.model.embedded, (onShare) => openEmbeddedInPage(onShare));
}

export function open(model: Address, name: string): Promise<void> {
  return take(name, (onShare) => openInPage(model, name, "file", onShare));
}

/** The server's model, wherever it was opened last: its key need not be typed in again. */
let server: ServerModel | undefined;

/** @param key what the server asks for; it is kept in this page's memory, and nowhere else */
export async function openServer(key?: string): Promise<void> {
  await take(texts.model.server, async () => {
    if (key !== undefined || !server) server = await connect(key);
    return server;
  });
  if (server?.needsBudget) change(withBudgets(state.peek()));
}

/** The guided path tells of the embedded model: where a server's answers, it makes room and comes back. */
let away: Promise<void> | undefined;
export async function enterPath(): Promise<void> {
  if (!away && engine.peek()?.kind !== "server") return;
  away ??= openEmbedded().then(() => ask());
  await away;
}

export async function leavePath(): Promise<void> {
  if (!away) return;
  await away;
  away = undefined;
  if (engine.peek()?.kind !== "embedded") return;
  await openServer();
  await ask();
}

/** An address within the path is opened without the server's model. */
export function startInPath(): Promise<void> {
  away = openEmbedded();
  return away;
}

/** Takes the place of the model that is open, once it is there; a model that can't be opened leaves the other one. */
async function take(
  name: string,
  make: (onShare: (share: number) => void) => Promise<InPageModel | ServerModel>,
): Promise<void> {
  const before = status.peek();
  const tell = (share: number) => {
    status.value = { kind: "loading", says: texts.model.loadingNamed(name), share };
  };
  tell(0);
  try {
    const opened = await make(tell);
    stop();
    await engine.peek()?.dispose();
    usePieces(opened.kind === "embedded" ? undefined : (id) => opened.textOf(id));
    engine.value = opened;
    status.value = { kind: "ready", says: opened.says };
  } catch (error) {
    status.value = engine.peek() ? before : { kind: "failed", says: sentenceOf(error) };
    throw error;
  }
}

/** The study's answers are the embedded model's, whichever answers elsewhere on the page. */
let embedded: Promise<InPageModel> | undefined;
export function embeddedModel(): Promise<InPageModel> {
  const opened = engine.peek();
  if (opened?.kind === "embedded") return Promise.resolve(opened as InPageModel);
  embedded ??= openEmbeddedInPage();
  return embedded;
}

export function sentenceOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

interface Running {
  readonly answering: Answering;
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
  const order = {
    ...{ question, preference, settings: fresh.map(({ setting }) => setting) },
    begun: begun.map(({ id }) => id),
    maxNewTokens: Math.max(1, maxNewTokens - begun.length),
  };
  const answering = engine.peek()!.answer(order, controller.signal);
  running = { answering, dialIndex: fresh.length - 1, controller };
  isAnswering.value = true;
  complaint.value = "";
  try {
    for await (const piece of answering) takePiece(fresh[piece.index]!, piece);
  } catch (error) {
    for (const one of fresh) if (one.status.value === "growing") one.status.value = "stopped";
    if (!controller.signal.aborted) complaint.value = sentenceOf(error);
  } finally {
    controller.abort();
    if (running?.answering === answering) stop();
  }
}

function takePiece(answer: ShownAnswer, { id, text, place, measures, x, finish, failure }: Piece): void {
  if (finish) answer.status.value = finish;
  if (failure !== undefined) {
    answer.status.value = "failed";
    complaint.value = failure;
  }
  if (id === undefined) return;
  const isDial = answer === answers.peek().at(-1);
  const setting = isDial ? dial.peek() : answer.setting;
  const strength = x === undefined ? setting : { x, nats: Number.POSITIVE_INFINITY };
  const measured = measures ?? (place && measureToken(place, id, strength));
  answer.tokens.push({
    id,
    text,
    ...(measured && { measures: measured }),
    ...(place && fitsWith(answer, place) && { place }),
  });
  answer.count.value = answer.tokens.length;
}

function fitsWith(answer: ShownAnswer, { base }: Place): boolean {
  return 8 * base.length * (answer.tokens.length + 1) <= mostRowBytes;
}

/** While an answer grows, the preference and the dial hold from its next token on. */
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
    if (isOther) running.answering.change({ setting }, running.dialIndex);
    if (isOtherWish && preference.trim() !== "") running.answering.change({ preference });
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

async function fetchPlace(opened: SpeakingModel, { question, preference, tokens }: ShownAnswer, at: number) {
  const token = tokens[at]!;
  const begun = tokens.slice(0, at).map(({ id }) => id);
  try {
    const place = await opened.placeAt({ question, preference, begun });
    if (place) token.place = place;
    placesKnown.value += 1;
  } catch (error) {
    if (engine.peek() === opened) complaint.value = sentenceOf(error);
  }
}
