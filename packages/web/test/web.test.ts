/** An engine behind messages answers as the library does, and fails as it does; the worker keeps no tensors. */
import { BackendError } from "@amulet-ts/backends";
import {
  type AnswerPiece,
  amuletExactMethod,
  amuletMethod,
  baseMethod,
  boundedMethod,
  CoreError,
  generate as generateHere,
  guidanceMethod,
  linearAlignmentMethod,
  type Method,
  preferenceMethod,
  renderPrompts,
  scoreAnswer as scoreHere,
  withMinP,
} from "@amulet-ts/core";
import { embeddedModelFolder } from "@amulet-ts/embedded-model";
import { FilesError } from "@amulet-ts/files";
import { loadModel, type Model } from "@amulet-ts/models";
import { withoutLeaks } from "@amulet-ts/testing/backends/no-leaks";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  type GenerateOptions,
  generate,
  type MethodDescription,
  openEngine,
  readRows,
  scoreAnswer,
  type WebEngine,
  WebError,
} from "../src/index.js";
import { embeddedFiles, workerInThisThread } from "./in-one-thread.js";

const question = "How do I make a cup of tea?";
const preference = "Your answer should be uplifting.";
const maxNewTokens = 12;
const asked = { question, preference, maxNewTokens };

withoutLeaks("wasm");

let here: Model;
let engine: WebEngine;
const progress: number[] = [];
beforeAll(async () => {
  here = await loadModel(embeddedModelFolder);
  engine = await openEngine({
    worker: workerInThisThread(),
    model: await embeddedFiles(),
    backend: "wasm",
    onProgress: ({ done, total }) => progress.push(done / total),
  });
});
afterAll(async () => {
  await engine?.dispose();
  here?.dispose();
});
async function collect<T>(pieces: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const piece of pieces) all.push(piece);
  return all;
}

const answerOf = (pieces: readonly AnswerPiece[], index = 0) =>
  pieces.find((piece) => piece.index === index && piece.answer)!.answer!;

const answerBy = async (options: Partial<GenerateOptions>) =>
  answerOf(await collect(generate(engine.model, { ...asked, ...options } as GenerateOptions)));

const answerHere = async (method?: Method, preferences?: string) =>
  answerOf(
    await collect(
      generateHere(here, { ...asked, ...(method && { method }), preference: preferences ?? preference }),
    ),
  );

test("an engine says what it is, and tells of its loading", () => {
  const { name, family, vocabularySize, contextLength, endTokens, parameterCount } = here;
  expect(engine.model).toMatchObject({ family, vocabularySize, contextLength, endTokens, parameterCount });
  expect(name).toBe("model");
  expect(engine.backend).toMatchObject({ name: "wasm", description: "WebAssembly with SIMD" });
  expect(progress.at(-1)).toBe(1);
  expect(progress.length).toBeGreaterThan(10);
});

describe("an answer", () => {
  test.each<[string, MethodDescription | undefined, Method | undefined]>([
    ["of the default method", undefined, undefined],
    ["base", "base", baseMethod()],
    ["pref", "pref", preferenceMethod()],
    ["la", { name: "la", ratio: 1.5 }, linearAlignmentMethod(1.5)],
    ["amulet", "amulet", amuletMethod()],
    [
      "amulet with settings",
      { name: "amulet", parameters: { iterations: 5 } },
      amuletMethod({ iterations: 5, alpha: 2, lambda: 2, eta: 10 }),
    ],
    ["amulet-exact", "amulet-exact", amuletExactMethod()],
    ["guidance", { name: "guidance", guidanceScale: 2.5 }, guidanceMethod(2.5)],
    ["bounded", { name: "bounded", nats: 0.2 }, boundedMethod(0.2)],
    ["bounded by x", { name: "bounded", nats: 2, guidanceScale: 3 }, boundedMethod(2, 2)],
    ["amulet under a mask", { name: "amulet", minP: 0.1 }, withMinP(amuletMethod(), 0.1)],
  ])("by %s is the library's", async (_, method, same) => {
    expect(await answerBy(method === undefined ? {} : { method })).toEqual(await answerHere(same));
  });

  test("several side by side are what each is alone", async () => {
    const methods = ["base", "pref", { name: "guidance", guidanceScale: 3 }] as const;
    const pieces = await collect(generate(engine.model, { ...asked, methods }));
    for (const [i, method] of methods.entries())
      expect(answerOf(pieces, i)).toEqual(await answerBy({ method }));
  });

  test("goes on behind what it has already", async () => {
    const { ids } = await answerBy({});
    const rest = await answerBy({ begun: ids.slice(0, 5), maxNewTokens: maxNewTokens - 5 });
    expect(rest.ids).toEqual(ids.slice(5));
  });

  test("streams: pieces come one by one, and together they are the answer", async () => {
    const pieces = await collect(
      generate(engine.model, { ...asked, explain: true, seed: 3, temperature: 1 }),
    );
    expect(pieces.map(({ text }) => text).join("")).toBe(answerOf(pieces).text);
    expect(pieces.filter(({ id }) => id !== undefined)).toHaveLength(maxNewTokens);
    expect(pieces[0]!.explanation).toMatchObject({ id: pieces[0]!.id, gamma: expect.any(Number) });
  });

  test("a schedule of strengths is the library's", async () => {
    const changing = await answerBy({ strengthSchedule: "0:0..4, 5.6:4.." });
    const first = await answerHere(baseMethod());
    expect(changing.ids.slice(0, 4)).toEqual(first.ids.slice(0, 4));
    expect(changing.ids).not.toEqual(first.ids);
  });

  test("changes in its course: as the library's does where the same is changed before the same token", async () => {
    const preferences = [{ text: "Your answer should be concise." }];
    const long = { ...asked, maxNewTokens: 60 };
    const stream = generate(engine.model, { ...long, method: "pref" });
    await stream.next();
    stream.change({ method: { name: "bounded", nats: 0.2 }, preferences });
    const pieces = await collect(stream);
    // The method that came later reports γ.
    const place = 1 + pieces.findIndex(({ gamma }) => gamma !== undefined);
    expect(place).toBeGreaterThan(0);
    const bounded = boundedMethod(0.2);
    const beforeToken = ({ length }: readonly number[]) =>
      length === place ? { method: bounded, preferences } : undefined;
    const same = collect(generateHere(here, { ...long, method: preferenceMethod(), beforeToken }));
    expect(answerOf(pieces)).toEqual(answerOf(await same));
  });

  test("one of several is changed, the others are not", async () => {
    const methods = ["pref", "pref"] as const;
    const stream = generate(engine.model, { ...asked, methods });
    stream.change({ method: "base" }, 1);
    const pieces = await collect(stream);
    expect(answerOf(pieces, 0)).toEqual(await answerHere(preferenceMethod()));
    expect(answerOf(pieces, 1)).not.toEqual(await answerHere(preferenceMethod()));
  });
});

describe("both prompts' log-policies", () => {
  test("come with every token; the closed form of them chooses as the method did", async () => {
    const method = { name: "guidance", guidanceScale: 2.5 } as const;
    const pieces = await collect(generate(engine.model, { ...asked, method, reportRows: true }));
    const tokens = pieces.filter(({ id }) => id !== undefined);
    expect(tokens).toHaveLength(maxNewTokens);
    for (const { id, rows } of tokens) {
      const { logBase_V, logPreference_V } = rows!;
      expect(logBase_V).toHaveLength(here.vocabularySize);
      for (const row of [logBase_V, logPreference_V])
        expect(row.reduce((sum, value) => sum + Math.exp(value), 0)).toBeCloseTo(1, 4);
      const scores = logBase_V.map((b, i) => b + 2.5 * (logPreference_V[i]! - b));
      expect(scores.indexOf(Math.max(...scores))).toBe(id);
    }
  });

  test("of a given answer are those that it was given with, and those behind its end", async () => {
    const pieces = await collect(generate(engine.model, { ...asked, reportRows: true }));
    const tokens = pieces.filter(({ id }) => id !== undefined);
    const answer = tokens.map(({ id }) => id!);
    const places = await collect(readRows(engine.model, { question, preference, answer }));
    expect(places.map(({ id }) => id)).toEqual([...answer, undefined]);
    for (const [i, { rows }] of tokens.entries()) {
      expect(places[i]!.position).toBe(i);
      expect(places[i]!.logBase_V).toEqual(rows!.logBase_V);
      expect(places[i]!.logPreference_V).toEqual(rows!.logPreference_V);
    }
    expect(places.at(-1)!.logBase_V).toHaveLength(here.vocabularySize);
  });

  test("an end token in a given answer is read over", async () => {
    const answer = [...here.endTokens, ...here.endTokens].slice(0, 2);
    const places = await collect(readRows(engine.model, { question, preference, answer }));
    expect(places).toHaveLength(answer.length + 1);
  });
});

test("scores, chats and tokens are the library's", async () => {
  const answer = here.tokenizer.encode("You can warm the pot.");
  const scores = await scoreAnswer(engine.model, {
    question,
    preference,
    answer,
    methods: ["base", "amulet"],
  });
  const { base, preferences } = renderPrompts(here, { question, preference });
  const prompts = { base, preference: preferences[0]!.tokens };
  expect(scores).toEqual(await scoreHere(here, prompts, answer, [baseMethod(), amuletMethod()]));
  expect(await engine.tokenizer.encode("You can warm the pot.")).toEqual(answer);
  expect(await engine.tokenizer.decode(answer)).toBe("You can warm the pot.");
  expect(await engine.tokenizer.pieces(answer)).toEqual(answer.map((id) => here.tokenizer.piece(id)));
  const messages = [{ role: "user", content: question }] as const;
  expect(await engine.model.renderChat(messages)).toEqual(here.renderChat(messages));
});

describe("ended early", () => {
  /** What is left once the worker has heard of it. */
  const settle = async () => {
    for (let i = 0; i < 3; i++) await engine.memory();
    return (await engine.memory()).numTensors;
  };

  test("by a signal: an error of core's with the reason, before, during and between tokens; the engine goes on", async () => {
    const before = await settle();
    for (const at of [0, 1, 2, 5, maxNewTokens]) {
      const controller = new AbortController();
      const reason = { at };
      if (at === 0) controller.abort(reason);
      let seen = 0;
      const answering = async () => {
        for await (const _ of generate(engine.model, { ...asked, signal: controller.signal }))
          if (++seen === at) controller.abort(reason);
      };
      const error = await answering().catch((caught: unknown) => caught);
      expect(error).toBeInstanceOf(CoreError);
      expect(error).toMatchObject({ code: "aborted", cause: reason });
    }
    expect(await settle()).toBe(before);
    expect(await answerBy({})).toEqual(await answerHere());
  });

  test("by leaving the loop", async () => {
    const before = await settle();
    for await (const _ of generate(engine.model, asked)) break;
    expect(await settle()).toBe(before);
    const unseen = generate(engine.model, asked);
    await unseen.return();
    expect(await collect(unseen)).toEqual([]);
  });
});

describe("an error keeps class, code and sentence", () => {
  const open = async (options: object) =>
    openEngine({ worker: workerInThisThread(), ...options } as never).catch((error) => error);

  test("of files, backends and core", async () => {
    const { "config.json": _, ...incomplete } = await embeddedFiles();
    const missing = await open({ model: incomplete });
    expect(missing).toBeInstanceOf(FilesError);
    expect(missing).toMatchObject({
      code: "not-a-model",
      message: expect.stringMatching(/config\.json missing/),
    });
    const abacus = await open({ model: "m/", backend: "abacus" });
    expect(abacus).toBeInstanceOf(BackendError);
    expect(abacus).toMatchObject({
      code: "unknown-backend",
      message: expect.stringMatching(/no backend "abacus"/),
    });
    const halves = await open({ model: "m/", backend: "wasm", precision: "f16" });
    expect(halves).toBeInstanceOf(BackendError);
    expect(halves).toMatchObject({
      code: "unsupported-precision",
      message: expect.stringMatching(/multiplies in f32 alone/),
    });
    const strong = await answerBy({ method: { name: "guidance", guidanceScale: Number.NaN } }).catch(
      (error) => error,
    );
    expect(strong).toBeInstanceOf(CoreError);
    expect(strong).toMatchObject({ code: "bad-strength" });
    await expect(answerBy({ question: " " })).rejects.toMatchObject({ code: "bad-request" });
  });

  test("of what a caller hands over", async () => {
    const refused = { name: "WebError", code: "bad-request" };
    expect(await openEngine(undefined as never).catch((error) => error)).toMatchObject(refused);
    expect(await open({ model: "" })).toMatchObject(refused);
    await expect(answerBy({ method: "magic" as never })).rejects.toMatchObject({
      name: "CoreError",
      code: "bad-request",
    });
    await expect(answerBy({ method: amuletMethod() as never })).rejects.toMatchObject({
      ...refused,
      message: expect.stringMatching(/can't be sent to a worker/),
    });
    await expect(answerBy({ method: "base", methods: ["pref"] })).rejects.toMatchObject(refused);
    expect(() => generate(here as never, asked)).toThrow(WebError);
  });
});
