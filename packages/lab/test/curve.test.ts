/** The curve on a tiny random checkpoint, end to end: its ends, its conversions, interruption. */
import { mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  amuletExactMethod,
  baseMethod,
  boundedMethod,
  chooseGreedily,
  decode,
  guidanceMethod,
  linearAlignmentMethod,
  type Method,
  paperParameters,
  preferenceMethod,
  renderPrompts,
  withPlausibility,
  xoshiro128,
} from "@amulet-ts/core";
import { loadModel, type Model } from "@amulet-ts/models";
import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-cpu";
import { float32Tensor, writeGguf } from "@amulet-ts/testing/files/checkpoint-writer";
import { tinyLlama } from "@amulet-ts/testing/models/tiny-llama";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import {
  type AnswerScores,
  answerInTree,
  answerPairs,
  batchSize,
  type Cell,
  CellFile,
  type CurvePlan,
  type CurveWork,
  cellLine,
  computeCells,
  conclude,
  countCells,
  headerLine,
  keyOf,
  type Pair,
  paperStrength,
  type RunIdentity,
  type Setting,
  settingsOf,
  strengthOfIterations,
  studyPlan,
} from "../src/curve/index.js";

let folder = "";
let model: Model;
let tensors = 0;

beforeAll(async () => {
  await tf.setBackend("cpu");
  folder = await mkdtemp(join(tmpdir(), "amulet-curve-"));
  await writeFile(join(folder, "tiny.gguf"), randomLlamaFile());
  model = await loadModel(join(folder, "tiny.gguf"));
});
afterAll(async () => {
  model.dispose();
  await rm(folder, { recursive: true });
});
beforeEach(() => {
  tensors = tf.memory().numTensors;
});
afterEach(() => expect(tf.memory().numTensors).toBe(tensors));

/** With random weights: those of the tiny Llama, sines, give some tokens logits that are equal but for rounding. */
function randomLlamaFile(): Buffer {
  const { entries, tensors } = tinyLlama();
  const random = xoshiro128(1);
  const drawn = tensors.map(({ name, shape }) => {
    const size = shape.reduce((product, axis) => product * axis, 1);
    const value = () => (shape.length === 1 ? 1 : 2 * random() - 1);
    return float32Tensor(name, shape, Array.from({ length: size }, value));
  });
  return writeGguf({ entries, tensors: drawn });
}

const questions = [
  "Why?",
  "How now?",
  "Who is it?",
  "When?",
  "Where to?",
  "What for?",
  "Is it so?",
  "How?",
  "If?",
];
const preferences = ["Be kind.", "Be brief."];
const pairs: Pair[] = questions.flatMap((question) =>
  preferences.map((preference) => ({ question, preference })),
);

const plan: CurvePlan = {
  strengths: [0, 1, 2, paperStrength],
  iterations: [0, 2, 60],
  exactIterations: [2, 60],
  budgets: [0, 0.1],
  ratios: [0, 1],
};
const answering = { maxNewTokens: 6, temperature: 0, seed: 0 };

/** Stands in for the world's scores: any function of the text will do here. */
function score(answer: string): AnswerScores {
  const share = (pattern: RegExp) => (answer.match(pattern) ?? []).length / Math.max(1, answer.length);
  return { grammaticality: share(/[a-z]/g), relevance: share(/[A-Z]/g), preference: share(/\d/g) };
}

const work: CurveWork = { pairs, settings: settingsOf(plan), score, answering };

async function collect(cells: AsyncIterable<Cell[]>): Promise<Cell[]> {
  const all: Cell[] = [];
  for await (const batch of cells) all.push(...batch);
  return all;
}

/** Core's own loop on one pair alone: what every answer of the study is held against. */
async function answerAlone(pair: Pair, method: Method, maxNewTokens = answering.maxNewTokens) {
  const { base, preferences } = renderPrompts(model, pair);
  const stream = model.textStream();
  let [text, tokens, finishReason] = ["", 0, ""];
  const requests = [{ base, preferences, method, choose: chooseGreedily, maxNewTokens }];
  for await (const event of decode(model, requests)) {
    if (event.type === "end") finishReason = event.reason;
    else {
      text += stream.push(event.id);
      tokens++;
    }
  }
  return { text: text + stream.flush(), tokens, finishReason };
}

describe("settings", () => {
  test("every curve of the study is ascending and its settings are distinct", () => {
    const settings = settingsOf(studyPlan);
    expect(new Set(settings.map(keyOf)).size).toBe(settings.length);
    const dial = settings.filter(({ kind }) => kind === "dial").map(({ value }) => value);
    expect(dial).toEqual([...dial].sort((a, b) => a - b));
    expect(dial[0]).toBe(0);
    expect(dial.at(-1)).toBe(12);
  });

  test("T, ratio and x meet where they are the same number", () => {
    expect(strengthOfIterations(0)).toBe(1);
    expect(strengthOfIterations(60)).toBe(paperStrength);
    const settings = settingsOf({
      ...plan,
      strengths: [0, 1],
      iterations: [0],
      exactIterations: [],
      budgets: [],
      ratios: [0],
    });
    expect(settings.filter(({ kind }) => kind === "dial").map(({ value }) => value)).toEqual([0, 1]);
  });

  test.each([{ strengths: [0, 2, 1] }, { budgets: [0.1, 0.1] }, { ratios: [Number.NaN] }])(
    "a curve that does not ascend is refused: %j",
    (change) => {
      expect(() => settingsOf({ ...plan, ...change })).toThrowError(/finite and ascending/);
    },
  );
});

/** Settings with the method that each amounts to. */
const amountsTo: readonly (readonly [string, Setting, Method])[] = [
  ["x = 0", { kind: "dial", value: 0 }, baseMethod()],
  ["x = 1", { kind: "dial", value: 1 }, preferenceMethod()],
  ["x = 2", { kind: "dial", value: 2 }, guidanceMethod(2)],
  ["T = 0", { kind: "loop", value: 0 }, preferenceMethod()],
  ["no budget", { kind: "bounded", value: 0 }, preferenceMethod()],
  ["a budget", { kind: "bounded", value: 0.1 }, boundedMethod(0.1)],
  ["x of T = 60", { kind: "dial", value: strengthOfIterations(60) }, amuletExactMethod(paperParameters)],
  ["T = 5", { kind: "loop", value: 5 }, guidanceMethod(strengthOfIterations(5))],
  ["a mask", { kind: "masked", value: 2 }, withPlausibility(linearAlignmentMethod(2))],
];

describe("answers", () => {
  test("of many settings in one tree are those that core's own loop gives one by one", async () => {
    const settings = amountsTo.map(([, setting]) => setting);
    const tree = await answerInTree(model, pairs.slice(0, 5), settings, answering);
    for (const [s, [name, , method]] of amountsTo.entries()) {
      for (const [i, pair] of pairs.slice(0, 5).entries()) {
        const { text, tokens, finishReason } = tree[s]![i]!;
        expect({ name, text, tokens, finishReason }).toEqual({ name, ...(await answerAlone(pair, method)) });
      }
    }
  });

  test("end where the context is full", async () => {
    const long = { ...answering, maxNewTokens: 1000 };
    const [answer] = await answerPairs(model, pairs.slice(0, 1), { kind: "dial", value: 2 }, long);
    const alone = await answerAlone(pairs[0]!, guidanceMethod(2), 1000);
    expect({ ...answer, drift: 0 }).toEqual({ ...alone, drift: 0 });
  });

  test("the dial without its shortcuts at 0 and 1 gives the same answers", async () => {
    for (const x of [0, 1]) {
      const answers = await answerPairs(model, pairs, { kind: "dial", value: x }, answering);
      for (const [i, pair] of pairs.slice(0, 6).entries())
        expect(answers[i]!.text).toBe((await answerAlone(pair, guidanceMethod(x))).text);
    }
  });

  test("drift is the KL that a preference prompt alone has none of, and grows with x", async () => {
    const driftAt = async (x: number) =>
      (await answerPairs(model, pairs, { kind: "dial", value: x }, { ...answering, maxNewTokens: 1 })).map(
        ({ drift }) => drift!,
      );
    const [still, some, more] = [await driftAt(1), await driftAt(2), await driftAt(6)];
    for (const [i, drift] of still.entries()) {
      expect(drift).toBeLessThan(1e-9);
      expect(some[i]!).toBeGreaterThan(drift);
      expect(more[i]!).toBeGreaterThan(some[i]!);
    }
  });

  test("drift is Σ π (log π − log π_pref) of the policies that the method gives", async () => {
    const [pair] = pairs as [Pair];
    const [answer] = await answerPairs(
      model,
      [pair],
      { kind: "dial", value: 3 },
      { ...answering, maxNewTokens: 1 },
    );
    const { base, preferences } = renderPrompts(model, pair);
    const prompts = [base, preferences[0]!.tokens];
    const logits = tf.tidy(() => {
      using session = model.openSession(2);
      return session.append(prompts).arraySync();
    });
    const log = (row: number[]) => row.map((v) => v - Math.log(row.reduce((sum, w) => sum + Math.exp(w), 0)));
    const [logBase, logPreference] = logits.map(log) as [number[], number[]];
    const policy = log(logPreference.map((p, v) => p + 2 * (p - logBase[v]!)));
    const drift = policy.reduce((sum, p, v) => sum + Math.exp(p) * (p - logPreference[v]!), 0);
    expect(answer!.drift).toBeCloseTo(drift, 4);
  });

  test("drawn answers depend on the pair and the seed, not on the batch", async () => {
    const drawing = { ...answering, temperature: 1, seed: 9 };
    const setting = { kind: "dial", value: 2 } as const;
    const together = await answerPairs(model, pairs.slice(0, 4), setting, drawing);
    const apart = await answerPairs(model, pairs.slice(2, 4), setting, drawing, 2);
    expect(apart.map(({ text }) => text)).toEqual(together.slice(2).map(({ text }) => text));
    const other = await answerPairs(model, pairs.slice(0, 4), setting, { ...drawing, seed: 10 });
    expect(other.map(({ text }) => text)).not.toEqual(together.map(({ text }) => text));
  });
});

describe("a run", () => {
  const identity: RunIdentity = {
    model: "tiny",
    backend: "cpu",
    pairs: "x",
    pairCount: pairs.length,
    settings: "y",
    settingCount: work.settings.length,
    batchSize,
    ...answering,
  };

  let cells: Cell[] = [];

  test("fills the table, all settings for every pair", async () => {
    cells = await collect(computeCells(model, work));
    expect(cells).toHaveLength(countCells(work));
    expect(new Set(cells.map(({ setting, pair }) => `${setting}/${pair}`)).size).toBe(countCells(work));
  });

  test("taken up again after an interruption anywhere, it gives the same file to the byte", async () => {
    const settings = settingsOf({
      strengths: [0, 1, 3],
      iterations: [],
      exactIterations: [],
      budgets: [],
      ratios: [],
    });
    const work: CurveWork = { pairs, settings, score, answering: { ...answering, maxNewTokens: 3 } };
    const run = { ...identity, settingCount: settings.length };
    const whole = join(folder, "whole.jsonl");
    const file = await CellFile.open(whole, run);
    for await (const batch of computeCells(model, work)) await file.add(batch);
    const bytes = await readFile(whole, "utf8");
    for (const share of [0, 0.01, 0.55, 0.9, 1]) {
      const cut = join(folder, "cut.jsonl");
      await writeFile(cut, bytes);
      await truncate(cut, Math.floor(share * Buffer.byteLength(bytes)));
      const again = await CellFile.open(cut, run);
      const before = again.cells.length;
      let computed = 0;
      for await (const batch of computeCells(model, work, (pair) => again.has(pair))) {
        await again.add(batch);
        computed += batch.length;
      }
      expect(before + computed).toBe(countCells(work));
      expect(await readFile(cut, "utf8")).toBe(bytes);
    }
  });

  test("a file of another run is refused, and so is a damaged one", async () => {
    const path = join(folder, "other.jsonl");
    await writeFile(path, headerLine({ ...identity, seed: 1 }));
    await expect(CellFile.open(path, identity)).rejects.toMatchObject({ code: "other-run" });
    for (const damaged of [
      `${headerLine(identity)}{"setting":\n`,
      "null\n",
      `${headerLine(identity)}{"pair":1}\n`,
    ]) {
      await writeFile(path, damaged);
      await expect(CellFile.open(path, identity)).rejects.toMatchObject({
        code: "bad-file",
        message: expect.stringContaining(path),
      });
    }
  });

  test("a batch that lacks a line, or has one twice, is computed again; the others stay", async () => {
    const path = join(folder, "holes.jsonl");
    const run = { ...identity, pairCount: pairs.length, settingCount: work.settings.length };
    const ofBatch = (first: number) => cells.filter(({ pair }) => pair - (pair % batchSize) === first);
    const [early, late] = [ofBatch(0), ofBatch(batchSize)];
    const open = async (...kept: Cell[][]) => {
      await writeFile(path, headerLine(run) + kept.flat().map(cellLine).join(""));
      const file = await CellFile.open(path, run);
      return [file.has(0), file.has(batchSize)];
    };
    expect(await open(early, late)).toEqual([true, true]);
    expect(await open(early.slice(1), late)).toEqual([false, true]);
    expect(await open([...early.slice(1), early[1]!], late)).toEqual([false, true]);
    expect(await open(early, late.slice(0, -1))).toEqual([true, false]);
  });

  test("stored answers are judged by today's scorer, others stay to the byte", async () => {
    const path = join(folder, "judged.jsonl");
    const bytes = headerLine(identity) + cells.map(cellLine).join("");
    await writeFile(path, bytes);
    await CellFile.open(path, identity, score);
    expect(await readFile(path, "utf8")).toBe(bytes);
    const today = { grammaticality: 0.25, relevance: 0.5, preference: 0.75 };
    const { cells: judged } = await CellFile.open(path, identity, () => today);
    expect(judged).toEqual(cells.map((cell) => ({ ...cell, ...today })));
  });

  test("stops between two tokens when it is told to", async () => {
    const interrupt = new AbortController();
    const cells = computeCells(model, { ...work, answering: { ...answering, signal: interrupt.signal } });
    setImmediate(() => interrupt.abort());
    await expect(cells.next()).rejects.toMatchObject({ code: "aborted" });
  });

  test("gives curves where T, ratio and x agree, and the loop's answers are the dial's", () => {
    const { curves, sameAnswers } = conclude({
      plan,
      cells,
      run: identity,
      preferences: pairs.map(() => "concise" as const),
      reportedPairs: 8,
      bootstrap: { resamples: 100 },
    });
    const atPaper = curves.strength.find(({ at }) => at === paperStrength)!;
    expect({ ...curves.iterations.at(-1), at: 0 }).toEqual({ ...atPaper, at: 0 });
    expect({ ...curves.ratio[1], at: 0 }).toEqual({ ...curves.strength.find(({ at }) => at === 2), at: 0 });
    for (const { at, preference } of curves.exact) {
      expect(preference).toEqual(curves.iterations.find((point) => point.at === at)!.preference);
    }
    expect(sameAnswers).toEqual([
      { iterations: 2, share: 1 },
      { iterations: 60, share: 1 },
    ]);
    expect(curves.strength.every((point) => point.pairs === 8)).toBe(true);
  });
});
