/** What a model says that its cache takes for a token is what TensorFlow.js counts. */

import { withoutLeaks } from "@amulet-ts/testing/backends/no-leaks";
import { loadFixture } from "@amulet-ts/testing/reference/checkpoints";
import * as tf from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";

withoutLeaks("cpu");

const families = ["gpt2", "llama-gqa-tied", "qwen3", "gemma3-text", "mistral-sliding"];

test.for(families)("of %s", async (name) => {
  using model = await loadFixture(name);
  const bytesOf = (length: number) => {
    using session = model.openTensorSession(1);
    const before = tf.memory().numBytes;
    session.append([Array(length).fill(3)]).dispose();
    return tf.memory().numBytes - before;
  };
  expect((bytesOf(20) - bytesOf(12)) / 8).toBe(model.cacheBytesPerToken);
});
