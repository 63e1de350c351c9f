// A program for pages in strict TypeScript: the DOM's types and none of Node's.
import { startBackend } from "@amulet-ts/backends";
import { generate as generateHere } from "@amulet-ts/core";
import { openTokenizer } from "@amulet-ts/files/browser";
import { loadModel } from "@amulet-ts/models/browser";
import {
  generate,
  type MethodDescription,
  openEngine,
  readRows,
  type WebEngine,
  WebError,
} from "@amulet-ts/web";

const method: MethodDescription = { name: "bounded", nats: 0.2, minP: 0.1 };
const asked = { question: "Why?", preference: "Be brief." };

export async function answer(file: File, body: HTMLElement): Promise<WebEngine | string> {
  const worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
  try {
    const engine = await openEngine({ worker, model: file, signal: AbortSignal.timeout(1000) });
    const answering = generate(engine.model, { ...asked, method, reportRows: true });
    for await (const { text, rows } of answering) {
      body.append(text, String(rows?.logBase_V[0]));
      answering.change({ method: "base" });
    }
    for await (const place of readRows(engine.model, { ...asked, answer: [1, 2] }))
      body.append(String(place.id));
    return engine;
  } catch (error) {
    return error instanceof WebError ? error.code : String(error);
  }
}

export async function answerHere(url: URL): Promise<string> {
  const { memory } = await startBackend("webgpu");
  const model = await loadModel(url, { memory });
  const { tokenizer } = await openTokenizer(url);
  let text = `${tokenizer.vocabularySize}`;
  for await (const piece of generateHere(model, asked)) text += piece.text;
  model.dispose();
  return text;
}
