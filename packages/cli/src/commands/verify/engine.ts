/**
 * An engine under the laws. llama.cpp is given the laws' own tiny models; a server has a model of its own, of which no law
 * knows what is right, so that its column is the algorithm on the backend that its answers are weighed on.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Engine, Next, Session } from "@amulet-ts/core";
import { engineKind, openEngine } from "@amulet-ts/engines";
import {
  arbitraries,
  type ForwardOperations,
  type ForwardSubject,
  forwardLawsFor,
  type Subjects,
} from "@amulet-ts/verify";
import { coreSubject } from "@amulet-ts/verify/ours";
import * as tf from "@tensorflow/tfjs-core";
import type { Io } from "../../io.js";
import { openModel } from "../../options/model.js";
import { writeNote } from "../../terminal/output.js";
import { unitRoundoffOf } from "./backends.js";
import { encodeTinyLlama, isPlainLlama, type TinyModel } from "./tiny-gguf.js";

export interface JudgedEngine {
  readonly name: string;
  readonly description: string;
  readonly subjects: Subjects;
  close(): Promise<void>;
}

/** @throws EngineError, CliError `usage` where the engine can't be had */
export async function openJudgedEngine(engine: string, io: Io): Promise<JudgedEngine> {
  const folder = await mkdtemp(join(tmpdir(), "amulet-verify-"));
  const close = () => rm(folder, { recursive: true, force: true });
  try {
    return engineKind(engine) === "http"
      ? { ...(await judgeServer(engine, io)), close }
      : { ...(await judgeLlamaCpp(folder)), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** llama.cpp keeps queries, keys and values in float16, whose rounding is by far its largest where weights are float32. */
const roundoffOfFloat16 = 2 ** -11;

async function judgeLlamaCpp(folder: string): Promise<Omit<JudgedEngine, "close">> {
  const models = arbitraries.tinyFamilies.llama.filter(isPlainLlama);
  const path = join(folder, "tiny.gguf");
  // Whether llama.cpp is here at all shows before a law is tried.
  const { backend } = await withTiny(path, arbitraries.exampleOf(models), async (engine) => engine);
  return {
    name: "llama.cpp",
    description: `${backend.version}, on ${backend.description}`,
    subjects: {
      algorithm: { ...coreSubject, unitRoundoff: unitRoundoffOf("wasm") },
      forward: llamaCppSubject(path),
      forwardLaws: forwardLawsFor(models),
    },
  };
}

async function judgeServer(engine: string, io: Io): Promise<Omit<JudgedEngine, "close">> {
  const { backend, dispose } = await openModel({ engine }, io);
  await dispose();
  writeNote(
    io,
    "A server computes a model of its own and tells some of its tokens: no law of forward passes can judge that, and what it " +
      "tells is checked while it answers. The laws of the algorithm run where its answers are weighed.",
  );
  const algorithm = { ...coreSubject, unitRoundoff: unitRoundoffOf("cpu") };
  return { name: backend.name, description: backend.description, subjects: { algorithm } };
}

/** Forward passes of models that are written as files first, one at a time. */
function llamaCppSubject(path: string): ForwardSubject & Partial<ForwardOperations> {
  const inSession = (model: TinyModel, rowCount: number, run: (session: Session) => Promise<Next[]>) =>
    withTiny(path, model, async (engine) => {
      const session = engine.model.openSession(rowCount);
      try {
        return (await Promise.all((await run(session)).map(readRows))).flat();
      } finally {
        await session.dispose();
      }
    });
  return {
    name: "llama.cpp",
    unitRoundoff: roundoffOfFloat16,
    logits: (model, tokens) => inSession(model, 1, (session) => session.appendAll!([tokens])),
    logitsInSteps: (model, tokens, prefilled) =>
      inSession(model, 1, async (session) => {
        const steps = await session.appendAll!([tokens.slice(0, prefilled)]);
        for (const token of tokens.slice(prefilled)) steps.push(await session.append([[token]]));
        return steps;
      }),
    lastLogitsOfRows: (model, tokenRows) =>
      inSession(model, tokenRows.length, async (session) => [await session.append(tokenRows)]),
    countTensors: () => tf.memory().numTensors,
  };
}

async function withTiny<T>(path: string, model: TinyModel, work: (engine: Engine) => Promise<T>): Promise<T> {
  if (!isPlainLlama(model)) throw new TypeError(`There is no GGUF file for a ${model.family} here.`);
  await writeFile(path, encodeTinyLlama(model));
  const engine = await openEngine({ engine: "llama.cpp", model: path, gpu: "off", backend: "wasm" });
  try {
    return await work(engine);
  } finally {
    await engine.dispose();
  }
}

async function readRows({ logits_RC }: Next): Promise<Float32Array[]> {
  const [R, C] = logits_RC.shape;
  const values = Float32Array.from(await logits_RC.data());
  logits_RC.dispose();
  return Array.from({ length: R }, (_, r) => values.slice(r * C, (r + 1) * C));
}
