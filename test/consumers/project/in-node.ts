// A program for Node in strict TypeScript.
import { type BackendName, startBackend } from "@amulet-ts/backends";
import { main } from "@amulet-ts/cli";
import {
  type AnswerPiece,
  boundedMethod,
  CoreError,
  generate,
  type Method,
  type Session,
} from "@amulet-ts/core";
import "@amulet-ts/core/disposal";
import { Worker } from "node:worker_threads";
import { embeddedModelFolder } from "@amulet-ts/embedded-model";
import { type OpenEngineOptions, openEngine } from "@amulet-ts/engines";
import * as evaluation from "@amulet-ts/eval";
import { type Checkpoint, FilesError, openCheckpoint } from "@amulet-ts/files";
import * as kernels from "@amulet-ts/kernels";
import * as packedKernels from "@amulet-ts/kernels/webgpu";
import * as lab from "@amulet-ts/lab";
import { loadModel, type Model } from "@amulet-ts/models";
import { oracles } from "@amulet-ts/verify";
import * as ours from "@amulet-ts/verify/ours";
import { openEngine as openInWorker, type WebEngine } from "@amulet-ts/web";

const options: OpenEngineOptions = { backend: "wasm" satisfies BackendName };
const method: Method = boundedMethod(0.2);

export async function answer(): Promise<string> {
  await using engine = await openEngine(options);
  const pieces: AnswerPiece[] = [];
  try {
    for await (const piece of generate(engine.model, { question: "Why?", preference: "Be brief.", method }))
      pieces.push(piece);
  } catch (error) {
    if (error instanceof CoreError || error instanceof FilesError) return error.code;
    throw error;
  }
  return pieces.at(-1)?.answer?.text ?? "";
}

export async function load(): Promise<number> {
  const { memory } = await startBackend("cpu");
  using model: Model = await loadModel(embeddedModelFolder, { memory });
  const session: Session = model.openSession(1);
  const { logits_RC } = await session.append([[1, 2, 3]]);
  const checkpoint: Checkpoint = await openCheckpoint(embeddedModelFolder);
  await checkpoint.store.close();
  return logits_RC.shape[1];
}

export const elsewhere = (): Promise<WebEngine> =>
  openInWorker({ worker: new Worker(new URL(import.meta.url)), model: "https://example.org/model.gguf" });
export const named = [main, evaluation, kernels, packedKernels, lab, oracles, ours];

// @ts-expect-error: a method that is given by its name must not compile, as it does in the page's library.
generate(undefined as never as Model, { question: "Why?", preference: "Be brief.", method: "amulet" });
