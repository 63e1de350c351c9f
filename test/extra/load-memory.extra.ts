/** Memory while the real model loads, and while it gives many answers at once. This file's tests have a process of their own. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { startBackend } from "@amulet-ts/backends";
import { createChooser, decode, guidanceMethod, renderQuestion } from "@amulet-ts/core";
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

test.skipIf(!existsSync(modelPath))(
  "64 answers at once leave JavaScript's memory below 512 MB, a fifth of what they took once (needs ../shared/models)",
  async () => {
    await startBackend("wasm");
    using model = await loadModel(modelPath);
    const [answers, tokens] = [64, 6];
    const method = guidanceMethod(1.5);
    const chats = renderQuestion(model, {
      question: "How do I make a cup of tea?",
      preference: "Your answer should be concise.",
    });
    const prompts = { base: chats.base.ids, preference: chats.preference.ids };
    const requests = Array.from({ length: answers }, (_, seed) => {
      const choose = createChooser({ temperature: 1, seed });
      return { ...prompts, method, choose, maxNewTokens: tokens };
    });
    let peak = 0;
    const sample = () => {
      peak = Math.max(peak, javaScriptBytes());
    };
    const timer = setInterval(sample, 5);
    let said = 0;
    for await (const event of decode(model, requests)) {
      if (event.type === "token") said++;
      sample();
    }
    clearInterval(timer);
    console.log(`${said} tokens of ${answers} answers: at most ${Math.round(peak / 1e6)} MB`);
    expect(said).toBeGreaterThan(answers);
    expect(peak).toBeLessThan(512e6);
  },
);
