/** What a model needs, by its headers alone. A chunk of its own: nothing needs it at first. */
import { openCheckpointAt, placeOf } from "@amulet-ts/files/browser";
import type { Address } from "../engine.js";

export interface Needs {
  readonly family: string;
  readonly parameters: number;
  /** Bytes of weights as they lie in memory, and a share for what is computed with them. */
  readonly memory: number;
}

/** Beside weights: the cache of keys and values, logits, and what a forward pass holds for a moment. */
const beside = 2 ** 27;

export async function readNeeds(address: Address): Promise<Needs> {
  const { names, store } = await openCheckpointAt(placeOf(address));
  try {
    let [parameters, stored] = [0, 0];
    for (const { shape, byteLength } of store.tensors.values()) {
      parameters += shape.reduce((product, size) => product * size, 1);
      stored += byteLength;
    }
    return { family: String(names.architecture), parameters, memory: stored + beside };
  } finally {
    await store.close();
  }
}
