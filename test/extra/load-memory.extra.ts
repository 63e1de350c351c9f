/** Memory while the real model loads. This file's tests have a process of their own. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { startBackend } from "@amulet-ts/backends";
import { openCheckpoint } from "@amulet-ts/files";
import { loadModel } from "@amulet-ts/models";
import * as tf from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";

const modelPath = fileURLToPath(
  new URL("../../../shared/models/SmolLM2-135M-Instruct.Q4_1.gguf", import.meta.url),
);

/** Bytes of the largest tensor in float32. */
async function largestTensor(path: string): Promise<number> {
  const { store } = await openCheckpoint(path);
  await store.close();
  const sizes = [...store.tensors.values()].map(({ shape }) => 4 * shape.reduce((a, b) => a * b, 1));
  return Math.max(...sizes);
}

/** JavaScript's objects and buffers, what is waiting for its collector included; not WebAssembly's memory. */
function javaScriptBytes(): number {
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

test.skipIf(!existsSync(modelPath))(
  "loading never takes more than the model's final size and two of its largest tensors (needs ../shared/models)",
  async () => {
    const bound = 2 * (await largestTensor(modelPath));
    const { memory } = await startBackend("wasm");
    const before = javaScriptBytes();
    const peak = { javaScript: 0, together: 0 };
    const sample = () => {
      const javaScript = javaScriptBytes() - before;
      peak.javaScript = Math.max(peak.javaScript, javaScript);
      peak.together = Math.max(peak.together, javaScript + tf.memory().numBytes);
    };
    const timer = setInterval(sample, 5);
    using _model = await loadModel(modelPath, { memory, onProgress: sample });
    clearInterval(timer);
    const final = tf.memory().numBytes;
    console.log(
      Object.entries({ final, bound, ...peak })
        .map(([name, bytes]) => `${name} ${Math.round(bytes / 1e6)} MB`)
        .join(", "),
    );
    expect(peak.together).toBeLessThan(final + bound);
  },
);
