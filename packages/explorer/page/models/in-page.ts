/** A model in a worker of this page. */
import {
  type AnswerStream,
  generate,
  type MethodDescription,
  openEngine,
  readRows,
  type WebEngine,
} from "@amulet-ts/web";
import embeddedFiles from "../../src/embedded-files.json" with { type: "json" };
import type { Setting } from "../../src/state.js";
import { state } from "../store.js";
import { texts } from "../texts.js";
import type { Answering, Order, Piece, SpeakingModel } from "./model.js";

export type Address = Parameters<typeof openEngine>[0]["model"];

export const wasmFolder = () => new URL("wasm/", document.baseURI).href;
export const makeWorker = () => new Worker(new URL("../worker.ts", import.meta.url), { type: "module" });

export function chosenBackend(): { readonly backend?: string } {
  const { backend } = state.peek();
  return backend === "fastest" ? {} : { backend };
}

export async function openInPage(
  model: Address,
  name: string,
  kind: "embedded" | "file",
  onShare: (share: number) => void = () => {},
): Promise<InPageModel> {
  const onProgress = ({ done, total }: { done: number; total: number }) => onShare(total && done / total);
  const own = { worker: makeWorker(), wasmFolder: wasmFolder(), ...chosenBackend() };
  const engine = await openEngine({ ...own, model, onProgress });
  return new InPageModel(engine, name, kind);
}

/** Its files are fetched by name: a host that is asked for others need not say that it has none. */
export async function openEmbeddedInPage(onShare?: (share: number) => void): Promise<InPageModel> {
  const files = embeddedFiles.map(async (name) => {
    const response = await fetch(new URL(`model/${name}`, document.baseURI));
    if (!response.ok) throw new Error(texts.model.serverSaid(response.status));
    return [name, await response.blob()] as const;
  });
  return openInPage(Object.fromEntries(await Promise.all(files)), texts.model.embedded, "embedded", onShare);
}

export function methodFor({ x, nats }: Setting): MethodDescription {
  const isBounded = Number.isFinite(nats) && x > 1;
  return isBounded ? { name: "bounded", nats, guidanceScale: x } : { name: "guidance", guidanceScale: x };
}

export class InPageModel implements SpeakingModel {
  readonly says: string;

  constructor(
    readonly engine: WebEngine,
    name: string,
    readonly kind: "embedded" | "file",
  ) {
    this.says = texts.model.ready(name, engine);
  }

  answer({ settings, ...order }: Order, signal: AbortSignal): Answering {
    const methods = settings.map(methodFor);
    const stream = generate(this.engine.model, { ...order, methods, reportRows: true, signal });
    return {
      change: ({ setting, preference }, index) =>
        stream.change(
          {
            ...(setting && { method: methodFor(setting) }),
            ...(preference !== undefined && { preferences: [{ text: preference }] }),
          },
          index,
        ),
      [Symbol.asyncIterator]: () => this.readPieces(stream),
    };
  }

  private async *readPieces(stream: AnswerStream): AsyncGenerator<Piece, void, void> {
    for await (const { index, text, id, rows, gamma, answer } of stream)
      yield {
        ...{ index, text },
        ...(id !== undefined && { id }),
        ...(rows && { place: { base: rows.logBase_V, preference: rows.logPreference_V } }),
        ...(gamma !== undefined && { x: gamma + 1 }),
        ...(answer && { finish: answer.finishReason === "stop" ? "whole" : "cut" }),
      };
  }

  async placeAt({ question, preference, begun }: Pick<Order, "question" | "preference" | "begun">) {
    const asked = { question, preference, answer: begun };
    for await (const { position, logBase_V, logPreference_V } of readRows(this.engine.model, asked))
      if (position === begun.length) return { base: logBase_V, preference: logPreference_V };
    return undefined;
  }

  textOf(id: number): Promise<string> {
    return this.engine.tokenizer.decode([id]);
  }

  dispose(): Promise<void> {
    return this.engine.dispose();
  }
}
