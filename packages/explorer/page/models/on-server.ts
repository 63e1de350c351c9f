/** The model of the server that the page came from, by the protocol that any client of it speaks. */
import type { Place } from "../../src/policy.js";
import {
  measuresOf,
  placeIn,
  readEvents,
  restId,
  type SentToken,
  steeringFor,
  viewsOf,
} from "../../src/served.js";
import type { Setting } from "../../src/state.js";
import { texts } from "../texts.js";
import type { Answering, Order, Piece, SpeakingModel } from "./model.js";

/** Whether the server that the page came from has a model, and asks for a key: it says so in the page's head. */
export function servedBy(): { readonly needsKey: boolean } | undefined {
  const meta = document.querySelector<HTMLMetaElement>("meta[name=amulet-server]");
  return meta ? { needsKey: meta.content === "key" } : undefined;
}

/** What the server says of its model. */
interface Told {
  readonly id: string;
  readonly amulet: { readonly coverage: "whole" | "top" };
}

/** What was asked for can't be had now: the model is being loaded. */
const unavailable = 503;

export async function connect(key = ""): Promise<ServerModel> {
  for (;;) {
    const response = await send("v1/models", key);
    if (response.status === unavailable) {
      await new Promise((resolve) => setTimeout(resolve, 1000));
      continue;
    }
    const { data } = (await checked(response).then((right) => right.json())) as { data: Told[] };
    return new ServerModel(data[0]!, key);
  }
}

function send(path: string, key: string, body?: object, signal?: AbortSignal): Promise<Response> {
  return fetch(new URL(path, document.baseURI), {
    headers: {
      ...(key && { authorization: `Bearer ${key}` }),
      ...(body && { "content-type": "application/json" }),
    },
    ...(body && { method: "POST", body: JSON.stringify(body) }),
    ...(signal && { signal }),
  });
}

/** @throws Error with the server's own sentence */
async function checked(response: Response): Promise<Response> {
  if (response.ok) return response;
  const body = (await response.json().catch(() => ({}))) as { error?: { message?: string } };
  throw new Error(body.error?.message ?? texts.model.serverSaid(response.status));
}

interface Chunk {
  readonly error?: { readonly message: string };
  readonly choices: readonly {
    readonly delta: { readonly content?: string };
    readonly finish_reason: "stop" | "length" | null;
    readonly amulet?: { readonly tokens: readonly SentToken[] };
  }[];
}

/** Candidates that are sent with each token. */
const alternatives = 20;

type Wish = Pick<Order, "question" | "preference" | "begun">;

export class ServerModel implements SpeakingModel {
  readonly kind = "server";
  readonly says: string;
  /** The most probable tokens alone are given, so that a strength past 1 needs a budget. */
  readonly needsBudget: boolean;
  private readonly known = new Map<number, string>([[restId, texts.token.rest]]);

  constructor(
    { id, amulet }: Told,
    private readonly key: string,
  ) {
    this.needsBudget = amulet.coverage === "top";
    const named = texts.model.onServer(id, location.host);
    this.says = this.needsBudget ? `${named}. ${texts.model.needsBudget}` : named;
  }

  answer(order: Order, signal: AbortSignal): Answering {
    const sayings = order.settings.map((setting, index) => new Saying(this, order, setting, index, signal));
    return {
      change: (change, index) => {
        for (const [i, saying] of sayings.entries())
          if (index === undefined || index === i) saying.change(change);
      },
      [Symbol.asyncIterator]: () => merge(sayings.map((saying) => saying.speak())),
    };
  }

  async *stream(wish: Wish, setting: Setting, maxNewTokens: number, signal: AbortSignal) {
    const body = this.bodyFor(wish, { ...steeringFor(setting), explain: { alternatives } }, maxNewTokens);
    const response = await checked(
      await send("v1/chat/completions", this.key, { ...body, stream: true }, signal),
    );
    for await (const data of readEvents(response.body as unknown as AsyncIterable<Uint8Array>)) {
      if (data === "[DONE]") return;
      const { choices, error } = JSON.parse(data) as Chunk;
      if (error) throw new Error(error.message);
      yield* choices;
    }
  }

  async placeAt(wish: Wish): Promise<Place | undefined> {
    const explain = this.needsBudget ? { alternatives } : { alternatives: 0, policies: true };
    const steering = { method: "pref", explain };
    const response = await checked(
      await send("v1/chat/completions", this.key, this.bodyFor(wish, steering, 1)),
    );
    const { choices } = (await response.json()) as Chunk;
    const [token] = choices[0]?.amulet?.tokens ?? [];
    return token && placeIn(token);
  }

  private bodyFor({ question, preference, begun }: Wish, steering: object, maxNewTokens: number) {
    return {
      messages: [{ role: "user", content: question }],
      max_tokens: maxNewTokens,
      amulet: { preference, begun, ...steering },
    };
  }

  learn(token: SentToken): void {
    for (const { id, token: text } of viewsOf(token)) this.known.set(id, text);
  }

  async textOf(id: number): Promise<string> {
    const known = this.known.get(id);
    if (known !== undefined) return known;
    const response = await checked(await send("detokenize", this.key, { tokens: [id] }));
    return ((await response.json()) as { content: string }).content;
  }

  async dispose(): Promise<void> {}
}

/** One answer. A change ends what is being said, and the rest is asked for anew. */
class Saying {
  private readonly said: number[];
  private current = new AbortController();
  private preference: string;
  private isChanged = false;

  constructor(
    private readonly model: ServerModel,
    private readonly order: Order,
    private setting: Setting,
    private readonly index: number,
    private readonly signal: AbortSignal,
  ) {
    this.said = [...order.begun];
    this.preference = order.preference;
    signal.addEventListener("abort", () => this.current.abort());
  }

  change({ setting = this.setting, preference = this.preference }: Parameters<Answering["change"]>[0]): void {
    Object.assign(this, { setting, preference, isChanged: true });
    this.current.abort();
  }

  async *speak(): AsyncGenerator<Piece, void, void> {
    do {
      this.isChanged = false;
      this.current = new AbortController();
      if (this.signal.aborted) this.current.abort();
      try {
        yield* this.speakOn();
      } catch (error) {
        if (this.signal.aborted) throw error;
        if (!this.isChanged) yield { index: this.index, text: "", failure: (error as Error).message };
      }
    } while (this.isChanged);
  }

  private async *speakOn(): AsyncGenerator<Piece, void, void> {
    const { index, preference, setting } = this;
    const wish = { question: this.order.question, preference, begun: this.said };
    const left = this.order.maxNewTokens - (this.said.length - this.order.begun.length);
    const chunks = this.model.stream(wish, setting, Math.max(1, left), this.current.signal);
    for await (const { delta, finish_reason, amulet } of chunks) {
      // What is under way when the setting changes belongs to the setting before.
      if (this.isChanged) return;
      const [token] = amulet?.tokens ?? [];
      if (token) yield this.take(token, delta.content ?? "");
      else if (delta.content) yield { index, text: delta.content };
      if (finish_reason) yield { index, text: "", finish: finish_reason === "stop" ? "whole" : "cut" };
    }
  }

  private take(token: SentToken, text: string): Piece {
    this.model.learn(token);
    this.said.push(token.id);
    const place = placeIn(token);
    const measures = measuresOf(token, this.setting.x);
    return { index: this.index, text, id: token.id, measures, x: measures.x, ...(place && { place }) };
  }
}

/** Pieces of all as they come, until they are stopped. */
async function* merge(sayings: readonly AsyncGenerator<Piece, void, void>[]) {
  const step = (i: number) => {
    const next = sayings[i]!.next().then((result) => ({ i, result }));
    // What was stopped ends in an error each, and the first is heard.
    next.catch(() => {});
    return next;
  };
  const pending = new Map(sayings.map((_, i) => [i, step(i)]));
  while (pending.size > 0) {
    const { i, result } = await Promise.race(pending.values());
    pending.delete(i);
    if (result.done) continue;
    pending.set(i, step(i));
    yield result.value;
  }
}
