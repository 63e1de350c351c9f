/**
 * llama.cpp beside our own forward passes: every command on the embedded model, and the real chat model beside the
 * repository against our float32 logits, llama.cpp's own greedy sampler and the published code's tokens.
 */
import { existsSync } from "node:fs";
import { startBackend } from "@amulet-ts/backends";
import {
  amuletMethod,
  baseMethod,
  type Change,
  chooseGreedily,
  type DecodeRequest,
  decode,
  type Engine,
  guidanceMethod,
  type LanguageModel,
  preferenceMethod,
} from "@amulet-ts/core";
import { embeddedModelFolder } from "@amulet-ts/embedded-model";
import { openEngine } from "@amulet-ts/engines";
import { openTokenizer } from "@amulet-ts/files";
import { loadModel } from "@amulet-ts/models";
import { amulet } from "@amulet-ts/testing/cli/fake-io";
import { roundProductInputs } from "@amulet-ts/testing/engines/eight-bit-inputs";
import { float16CacheTolerance } from "@amulet-ts/testing/engines/float16";
import { useEmbeddedGguf } from "@amulet-ts/testing/models/embedded-gguf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findBinaries, findLibrary } from "../../packages/engines/src/llama-cpp/native/find-binaries.js";
import { later } from "../../packages/engines/src/llama-cpp/native/functions.js";
import { loadKoffi } from "../../packages/engines/src/llama-cpp/native/koffi.js";
import { openLlama } from "../../packages/engines/src/llama-cpp/native/library.js";
import { TokenBatch } from "../../packages/engines/src/llama-cpp/native/token-batch.js";
import { type AmuletRun, hasSmol, readSmolJson, smolPath } from "./smollm2-files.js";

const { AMULET_QWEN_GGUF: qwenPath = "" } = process.env;

const missing = (await loadKoffi())
  ? await findBinaries("off").then(
      () => undefined,
      (error: Error) => error.message,
    )
  : "The package koffi is not here.";

if (missing !== undefined) console.warn(`Skipped: llama.cpp beside our own forward passes. ${missing}`);
else if (!hasSmol) console.warn("Skipped: llama.cpp on SmolLM2 needs ../shared, which is not here.");
if (!existsSync(qwenPath))
  console.warn("Skipped: llama.cpp on Qwen2.5-Coder; AMULET_QWEN_GGUF names no file.");

const embedded = useEmbeddedGguf();

describe.skipIf(missing !== undefined)(
  "the command on llama.cpp says what it says on our forward passes",
  () => {
    const question = "How do I make a cup of tea?";
    const preference = ["--preference", "Your answer should be uplifting."];
    const steer = [question, ...preference, "--max-new-tokens", "24"];

    async function onBoth(words: readonly string[]) {
      const run = async (engine: readonly string[]) => {
        const { status, stdout, stderr } = await amulet([
          ...words,
          "--model",
          embedded.path,
          ...engine,
          "--json",
        ]);
        expect(status, stderr).toBe(0);
        return JSON.parse(stdout);
      };
      return [await run(["--engine", "llama.cpp", "--gpu", "off"]), await run(["--backend", "wasm"])];
    }

    async function promptOf(content: string): Promise<readonly number[]> {
      const { renderChat } = await openTokenizer(embeddedModelFolder);
      return renderChat([{ role: "user", content }]).ids;
    }

    test.each([
      [[]],
      [["--method", "base"]],
      [["--kl-budget", "0.2"]],
      [["--preference", "Your answer should be concise.", "--weight", "0.5"]],
      [["--method", "la", "--plausibility", "0.8"]],
      [["--method", "beam", "--beams", "3"]],
      [["--method", "amulet-exact"]],
      [["--strength-schedule", "1:0..4, 5.6:4.."]],
      [["--min-p-mask", "0.1"]],
      [["--temperature", "0.8", "--seed", "3"]],
    ])("generate %j", async (options) => {
      const [came, expected] = await onBoth(["generate", ...steer, ...options]);
      expect(came.backend).toBe("llama.cpp");
      expect(came.ids.length).toBeGreaterThan(5);
      expect(came.ids).toEqual(expected.ids);
      expect(came.text).toBe(expected.text);
    });

    test("generate --explain: the same tokens, with their texts", async () => {
      const [came, expected] = await onBoth(["generate", ...steer, "--explain"]);
      const facts = (json: typeof came) =>
        json.tokens.map(({ id, text }: Record<string, unknown>) => [id, text]);
      expect(facts(came)).toEqual(facts(expected));
    });

    test("compare: all five answers", async () => {
      const [came, expected] = await onBoth(["compare", ...steer]);
      const texts = (json: typeof came) => JSON.stringify(json).match(/"text":"[^"]*"/g);
      // The preference is a text too.
      expect(texts(came)!.length).toBe(5 + 1);
      expect(texts(came)).toEqual(texts(expected));
    });

    test("inspect, score and logits", async () => {
      const [looked, ours] = await onBoth(["inspect", question, ...preference]);
      expect(looked.token).toMatchObject({ id: ours.token.id, text: ours.token.text });
      for (const [field, content] of [
        ["baseProbability", question],
        ["preferenceProbability", `${question} ${preference[1]}`],
      ] as const) {
        // A logit's error twice: at the token, and in the sum over all.
        const bound = 2 * (await float16CacheTolerance(await promptOf(content)));
        expect(Math.abs(Math.log(looked.token[field] / ours.token[field])), field).toBeLessThan(bound);
      }
      const answers = ["--answer", "You can warm the pot before you pour the tea."];
      const [scored, expected] = await onBoth(["score", question, ...preference, ...answers]);
      const { ids, scores } = expected.answers[0];
      for (const [m, { method, logProbabilities }] of scores.entries()) {
        // The others take an error some times over.
        if (method !== "base" && method !== "pref") continue;
        const content = method === "base" ? question : `${question} ${preference[1]}`;
        const bound = 2 * (await float16CacheTolerance([...(await promptOf(content)), ...ids]));
        const came: number[] = scored.answers[0].scores[m].logProbabilities;
        const off = logProbabilities.map((value: number, t: number) => Math.abs(value - came[t]!));
        expect(Math.max(...off), method).toBeLessThan(bound);
      }
      const row = [5, 9, 2, 77];
      const [came, exact] = await onBoth(["logits", "--ids", row.join(",")]);
      const distance = exact.logits.flatMap((values: number[], t: number) =>
        values.map((value, v) => Math.abs(value - came.logits[t][v])),
      );
      expect(distance.length).toBe(row.length * 2048);
      expect(Math.max(...distance)).toBeLessThan(await float16CacheTolerance(row));
    });

    test("verify: the laws of forward passes hold on it, as far as float16 keys and values let them", async () => {
      const laws = [
        "forward-by-definition",
        "forward-is-causal",
        "prefill-equals-steps",
        "rows-equal-single",
      ];
      const words = laws.flatMap((law) => ["--law", law]);
      const { status, stdout, stderr } = await amulet([
        "verify",
        "--engine",
        "llama.cpp",
        "--runs",
        "4",
        "--json",
        ...words,
      ]);
      expect(status, stderr).toBe(0);
      const [{ findings }] = JSON.parse(stdout).subjects;
      expect(findings.map(({ outcome }: { outcome: string }) => outcome)).toEqual(laws.map(() => "held"));
    });

    test("a model that is no GGUF file, and an option of the engine alone", async () => {
      const folderName = await amulet([
        "generate",
        ...steer,
        "--engine",
        "llama.cpp",
        "--model",
        embeddedModelFolder,
      ]);
      expect(folderName).toMatchObject({ status: 1, stderr: expect.stringMatching(/reads GGUF files/) });
      const nameless = await amulet(["generate", ...steer, "--engine", "llama.cpp"]);
      expect(nameless.stderr).toMatch(/needs a model/);
    });

    test("a preference that changes in mid-answer is read as if it had been there all along", async () => {
      const engine = await openEngine({ engine: "llama.cpp", model: embedded.path, gpu: "off" });
      const ours = await openEngine({ backend: "wasm" });
      const prompts = ["concise", "uplifting"].map((word) => [
        ...engine.model.renderChat([{ role: "user", content: `${question} Your answer should be ${word}.` }])
          .ids,
      ]);
      const base = [...engine.model.renderChat([{ role: "user", content: question }]).ids];
      const changes: Readonly<Record<number, Change>> = {
        3: { preferences: [{ tokens: prompts[1]! }] },
        6: { method: preferenceMethod(), preferences: [{ tokens: prompts[0]! }] },
        9: {
          method: guidanceMethod(2),
          preferences: [{ tokens: prompts[1]! }, { tokens: prompts[0]!, weight: -0.5 }],
        },
      };
      const request: DecodeRequest = {
        base,
        preferences: [{ tokens: prompts[0]! }],
        method: guidanceMethod(3),
        choose: chooseGreedily,
        maxNewTokens: 20,
        beforeToken: ({ length }) => changes[length],
      };
      const answers = [await tokensOf(engine.model, request), await tokensOf(ours.model, request)];
      expect(answers[0]).toEqual(answers[1]);
      await engine.dispose();
      await ours.dispose();
    });
  },
);

async function tokensOf(model: LanguageModel, request: DecodeRequest): Promise<number[]> {
  const ids: number[] = [];
  for await (const event of decode(model, [request])) {
    if (event.type === "token") ids.push(event.id);
    else if (event.reason === "stop") ids.push([...model.endTokens][0]!);
  }
  return ids;
}

/**
 * llama.cpp's own loop: its context, its greedy sampler, one sequence, no logits read.
 *
 * @param isEnd what ends it, after it has been added
 */
async function ownGreedy(
  model: string,
  prompt: readonly number[],
  most: number,
  isEnd: (id: number) => boolean,
) {
  const llama = await openLlama("off", false);
  const koffi = (await loadKoffi())!;
  const { folders } = await findBinaries("off");
  const library = koffi.load(findLibrary(folders[0]!, "llama"));
  const makeSampler = library.func("llama_sampler_init_greedy", "void *", []);
  const sample = library.func("llama_sampler_sample", "int32", ["void *", "void *", "int32"]);
  const freeSampler = library.func("llama_sampler_free", "void", ["void *"]);
  const { native } = llama;
  const address = native.llama_model_load_from_file(model, {
    ...native.llama_model_default_params(),
    n_gpu_layers: 0,
  });
  const parameters = {
    ...native.llama_context_default_params(),
    n_ctx: 1024,
    n_threads: 2,
    n_threads_batch: 2,
  };
  const context = native.llama_init_from_model(address, parameters);
  const sampler = makeSampler();
  const batch = new TokenBatch(koffi, 512);
  const ids: number[] = [];
  let given = prompt;
  for (let position = 0; ids.length < most; ) {
    const tokens = given.map((id, t) => ({
      id,
      position: position + t,
      sequence: 0,
      isRead: t === given.length - 1,
    }));
    expect(await later(native.llama_decode, context, batch.fill(tokens))).toBe(0);
    position += given.length;
    ids.push(sample(sampler, context, -1) as number);
    if (isEnd(ids.at(-1)!)) break;
    given = ids.slice(-1);
  }
  batch.free();
  freeSampler(sampler);
  native.llama_free(context);
  native.llama_model_free(address);
  return ids;
}

describe.skipIf(missing !== undefined || !hasSmol)("SmolLM2-135M-Instruct (needs ../shared)", () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await openEngine({ engine: "llama.cpp", model: smolPath, gpu: "off", threads: 2 });
  });
  afterAll(() => engine?.dispose());

  test("tokenizer and template agree with llama.cpp's own", () => {
    expect(engine.notes).toEqual([]);
  });

  /** Mean KL from our float32 logits in nats, root of the mean square of the difference; and what they are at most. */
  let apart = { kl: 0, rms: 0, positions: 0, same: 0, worst: 0 };
  let allowed = { kl: 0, rms: 0 };
  const cases = hasSmol
    ? (readSmolJson("logits.json").cases as { ids: number[] }[]).map(({ ids }) => ids)
    : [];

  /**
   * ggml rounds the inputs of products to 8 bits in blocks of 32, and what attention multiplies to float16. Our own forward pass
   * with its inputs rounded so tells what that does to the logits; nothing of llama.cpp is in it. The two do not round alike: sums
   * in another order differ in the seventh digit, which flips a rounding in some ten thousand, and after a few blocks they are two
   * draws from the same noise. 2 is for the luck of one draw, as in docs/tolerances.md.
   */
  beforeAll(async () => {
    // With its weights in float32, so that products are TensorFlow.js' own.
    await startBackend("wasm", { kernels: false });
    using ours = await loadModel(smolPath);
    const exact = await readAll(ours, cases);
    const end = roundProductInputs(smolWidths, 64);
    try {
      const rounded = distances(exact, await readAll(ours, cases));
      allowed = { kl: 2 * rounded.kl, rms: 2 * rounded.rms };
    } finally {
      end();
    }
    apart = distances(exact, await readAll(engine.model, cases));
    await startBackend("wasm");
  });

  test("logits are our float32 logits to what 8-bit inputs of products make of them", () => {
    const { kl, rms, positions, same, worst } = apart;
    console.log(
      `SmolLM2 Q4_1, ${positions} positions: mean KL ${kl.toExponential(1)} nats of ${allowed.kl.toExponential(1)} allowed, worst ` +
        `${worst.toExponential(1)}, rms of logits ${rms.toFixed(3)} of ${allowed.rms.toFixed(3)}, same best token at ${same}`,
    );
    expect(kl).toBeLessThan(allowed.kl);
    expect(kl).toBeGreaterThan(allowed.kl / 8);
    expect(rms).toBeLessThan(allowed.rms);
  });

  test("base and pref are llama.cpp's own greedy tokens", async () => {
    const { base_ids, preference_ids } = readSmolJson("amulet.json").runs[0] as AmuletRun;
    const prompts = { base: base_ids, preference: preference_ids };
    await expectOwnGreedy(engine, smolPath, prompts, 60);
  });

  test("the published code's tokens, up to where its margin is small", async () => {
    const runs = readSmolJson("amulet.json").runs as AmuletRun[];
    const margins: number[] = [];
    let whole = 0;
    for (const run of runs) {
      const came = await tokensOf(engine.model, {
        base: run.base_ids,
        preference: run.preference_ids,
        method: amuletMethod(run),
        choose: chooseGreedily,
        maxNewTokens: run.amulet_tokens.length,
      });
      const parted = run.amulet_tokens.findIndex((id, t) => came[t] !== id);
      if (parted < 0) whole++;
      else margins.push(run.margins[parted]!);
    }
    console.log(
      `${whole} of ${runs.length} published runs to their end; the others part where the best token leads by ` +
        `${margins.map((margin) => margin.toFixed(2)).join(", ")}`,
    );
    // Amulet takes a logit's error x times and more: 5.65 of pref's and 4.65 of base's, at a token of each.
    for (const margin of margins) expect(margin).toBeLessThan(2 * (5.65 + 4.65) * allowed.rms);
    expect(whole).toBeGreaterThan(0);
  });
});

describe.skipIf(missing !== undefined || !existsSync(qwenPath))(
  "Qwen2.5-Coder-0.5B-Instruct (AMULET_QWEN_GGUF)",
  () => {
    test("base and pref are llama.cpp's own greedy tokens, and tokenizer and template agree", async () => {
      const engine = await openEngine({ engine: "llama.cpp", model: qwenPath, gpu: "off", threads: 2 });
      expect(engine.notes).toEqual([]);
      const chat = (content: string) => [...engine.model.renderChat([{ role: "user", content }]).ids];
      const question = "Write a function that adds two numbers.";
      const prompts = {
        base: chat(question),
        preference: chat(`${question} Your answer should be concise.`),
      };
      await expectOwnGreedy(engine, qwenPath, prompts, 40);
      await engine.dispose();
    });
  },
);

/** Base and pref say what llama.cpp's greedy sampler says by itself. */
async function expectOwnGreedy(
  { model }: Engine,
  path: string,
  prompts: { readonly base: number[]; readonly preference: number[] },
  maxNewTokens: number,
): Promise<void> {
  for (const [method, prompt] of [
    [baseMethod(), prompts.base],
    [preferenceMethod(), prompts.preference],
  ] as const) {
    const ours = await tokensOf(model, { ...prompts, method, choose: chooseGreedily, maxNewTokens });
    expect(ours).toEqual(await ownGreedy(path, prompt, maxNewTokens, (id) => model.endTokens.has(id)));
  }
}

/** Of its states, and inside its feed-forward blocks. */
const smolWidths = [576, 1536];

/** The logits after every token of each row. */
async function readAll(model: LanguageModel, rows: readonly (readonly number[])[]): Promise<Float32Array[]> {
  const all: Float32Array[] = [];
  for (const row of rows) {
    const session = model.openSession(1);
    const [next] = await session.appendAll!([row]);
    const values = (await next!.logits_RC.data()) as Float32Array;
    next!.logits_RC.dispose();
    await session.dispose();
    const V = model.vocabularySize;
    all.push(...row.map((_, t) => values.slice(t * V, (t + 1) * V)));
  }
  return all;
}

/** Over positions: the mean and largest KL from the first, the rms of what is between them, the same best token. */
function distances(expected: readonly Float32Array[], came: readonly Float32Array[]) {
  const kls = expected.map((row, t) => {
    const [p, q] = [logSoftmax(row), logSoftmax(came[t]!)];
    return p.reduce((sum, log, v) => sum + Math.exp(log) * (log - q[v]!), 0);
  });
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  return {
    kl: mean(kls),
    worst: Math.max(...kls),
    rms: Math.sqrt(mean(expected.map((row, t) => rootMeanSquare(row, came[t]!) ** 2))),
    same: expected.filter((row, t) => argMax(row) === argMax(came[t]!)).length,
    positions: expected.length,
  };
}

function logSoftmax(row: Float32Array): Float64Array {
  const best = row.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
  const sum = row.reduce((total, value) => total + Math.exp(value - best), 0);
  return Float64Array.from(row, (value) => value - best - Math.log(sum));
}

/** Of the difference, without what all logits have in common. */
function rootMeanSquare(a: Float32Array, b: Float32Array): number {
  const differences = Float64Array.from(a, (value, i) => value - b[i]!);
  const mean = differences.reduce((sum, value) => sum + value, 0) / a.length;
  return Math.sqrt(differences.reduce((sum, value) => sum + (value - mean) ** 2, 0) / a.length);
}

function argMax(row: Float32Array): number {
  return row.reduce((best, value, i) => (value > row[best]! ? i : best), 0);
}
