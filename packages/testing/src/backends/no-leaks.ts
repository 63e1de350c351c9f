import { startBackend } from "@amulet-ts/backends";
import * as tf from "@tensorflow/tfjs-core";
import { afterEach, beforeAll, beforeEach, expect } from "vitest";

/** What kernels hold beside the backend, by agreement with @amulet-ts/kernels. */
export function heldByKernels(): number {
  const backend = tf.backend() as unknown as { [key: symbol]: { readonly heldBytes: number } | undefined };
  return backend[Symbol.for("@amulet-ts/stored-kernels")]?.heldBytes ?? 0;
}

/** Starts a backend for a file's tests and holds each of them to leaving no tensor, weight or page behind. */
export function withoutLeaks(backend: string): void {
  let [before, heldBefore] = [0, 0];
  beforeAll(() => startBackend(backend));
  beforeEach(() => {
    before = tf.memory().numTensors;
    heldBefore = heldByKernels();
  });
  afterEach(() => {
    expect(tf.memory().numTensors, "tensors left behind").toBe(before);
    expect(heldByKernels(), "bytes left with kernels").toBe(heldBefore);
  });
}
