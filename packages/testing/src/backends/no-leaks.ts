import { startBackend } from "@amulet-ts/backends";
import * as tf from "@tensorflow/tfjs-core";
import { afterEach, beforeAll, beforeEach, expect } from "vitest";

/** Starts a backend for a file's tests and holds each of them to leaving no tensor behind. */
export function withoutLeaks(backend: string): void {
  let before = 0;
  beforeAll(() => startBackend(backend));
  beforeEach(() => {
    before = tf.memory().numTensors;
  });
  afterEach(() => {
    expect(tf.memory().numTensors, "tensors left behind").toBe(before);
  });
}
