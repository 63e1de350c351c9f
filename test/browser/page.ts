/** The script of the page: loads a model from a URL or a blob and answers. What it offers is called by the test. */
import { startBackend } from "@amulet-ts/backends";
import { FilesError } from "@amulet-ts/files";
import { loadModel, ModelError } from "@amulet-ts/models/browser";
import * as tf from "@tensorflow/tfjs-core";
import { answer } from "./answer.js";

interface Order {
  readonly backend: string;
  readonly url: string;
  /** Fetched whole, and given to the loader as a blob. */
  readonly asBlob?: boolean;
  readonly count: number;
}

async function run({ backend, url, asBlob = false, count }: Order) {
  const { description, memory } = await startBackend(backend, { wasmFolder: "/wasm/" });
  const before = tf.memory().numTensors;
  const source = asBlob ? await (await fetch(url)).blob() : url;
  const model = await loadModel(source, { memory });
  const tokens = await answer(model, count);
  model.dispose();
  return { description, tokens, tensorsLeft: tf.memory().numTensors - before };
}

/** The code of the error that an address leads to. */
async function refuse(url: string): Promise<string> {
  return loadModel(url).then(
    () => "loaded",
    (error: unknown) =>
      error instanceof ModelError || error instanceof FilesError ? error.code : String(error),
  );
}

Object.assign(globalThis, { run, refuse });
