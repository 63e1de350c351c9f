/**
 * A step of a pair of rows by fused operations and by TensorFlow.js' own over the same weights in kernels, in turns in one process:
 * calls, and the processor's time on one thread. Models of real shapes with drawn weights.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startBackend } from "@amulet-ts/backends";
import { loadModel } from "@amulet-ts/models";
import * as tf from "@tensorflow/tfjs-core";
import { machine, median, printTable } from "./measure.mjs";
import { drawModel } from "./parts/drawn-model.mjs";

export const title = "families, fused and composed";
/** It writes 750 MB to the folder of temporary files. */
export const onlyWhenNamed = true;

const wanted = [
  ["GPT-2 124M, Q8_0", "gpt2", "Q8_0"],
  ["Gemma 3 270M, Q8_0", "gemma3", "Q8_0"],
  ["Qwen3 0.6B, Q4_0", "qwen3", "Q4_0"],
];
const context = 64;
const steps = 15;
const rounds = 3;
/** Where kernels are, by agreement with @amulet-ts/kernels. */
const agreedKey = Symbol.for("@amulet-ts/stored-kernels");

export async function run() {
  await startBackend("wasm", { threads: 1 });
  console.log(`A pair of rows, ${context} tokens of context, one thread, ${machine()}\n`);
  const folder = await mkdtemp(join(tmpdir(), "amulet-families-"));
  try {
    const rows = [];
    for (const [label, family, type] of wanted) {
      const path = join(folder, `${family}.gguf`);
      await drawModel(path, family, type);
      rows.push(await compare(label, path));
      await rm(path);
    }
    const head = [
      "",
      "calls, fused",
      "composed",
      "ms, fused",
      "composed",
      "ratio",
      "a prompt, ms, fused",
      "composed",
    ];
    printTable(head, rows);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function compare(label, path) {
  const fused = await start(() => loadModel(path));
  const composed = await start(() => withoutFusion(() => loadModel(path)));
  for (let round = 0; round < rounds; round++)
    for (const one of [fused, composed]) {
      const before = one.session.lengths;
      for (let step = 0; step < steps; step++) one.stepMs.push(await processorMs(one.step));
      one.promptMs.push(await processorMs(one.prompt));
      one.session.rewind(before);
    }
  const [a, b] = [fused, composed];
  const middles = [a.stepMs, b.stepMs, a.promptMs, b.promptMs].map(median);
  for (const { session, model } of [a, b]) {
    session.dispose();
    model.dispose();
  }
  const [fusedMs, composedMs, ...prompts] = middles;
  return [label, String(a.calls), String(b.calls), fusedMs, composedMs, composedMs / fusedMs, ...prompts];
}

async function start(load) {
  const model = await load();
  const session = model.openTensorSession(2);
  const read = async (logits) => {
    await logits.data();
    logits.dispose();
  };
  const tokens = (count, first) => Array.from({ length: count }, (_, i) => 100 + ((first + 37 * i) % 1000));
  const step = () => read(session.append([[107], [108]]));
  const prompt = async () => {
    const alone = model.openTensorSession(1);
    await read(alone.append([tokens(context, 5)]));
    alone.dispose();
  };
  await read(session.append([tokens(context, 1), tokens(context, 2)]));
  await prompt();
  for (let warm = 0; warm < 3; warm++) await step();
  return { model, session, step, prompt, calls: await countCalls(step), stepMs: [], promptMs: [] };
}

/** A model is loaded while the kernels hide their fused operations. */
async function withoutFusion(load) {
  const kernels = tf.backend()[agreedKey];
  const { fuse } = kernels;
  kernels.fuse = undefined;
  try {
    return await load();
  } finally {
    kernels.fuse = fuse;
  }
}

async function countCalls(act) {
  const engine = tf.engine();
  let calls = 0;
  engine.runKernel = (...call) => {
    calls++;
    return Object.getPrototypeOf(engine).runKernel.apply(engine, call);
  };
  await act();
  delete engine.runKernel;
  return calls;
}

async function processorMs(act) {
  const before = process.cpuUsage();
  await act();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}
