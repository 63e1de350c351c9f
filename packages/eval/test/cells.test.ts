/** A run end to end: its table, its file, interruption. */
import { readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { cellLine, headerLine } from "../src/cells/cell.js";
import {
  agreement,
  batchSize,
  type Cell,
  CellFile,
  computeCells,
  countCells,
  identifyRun,
  layOutCurves,
  paperStrength,
  type RunWork,
  type Scorer,
  type Setting,
  settingsOf,
  strengthOfIterations,
  summarise,
  tabulate,
} from "../src/index.js";
import { answering, pairs, plan, withTinyModel } from "./tiny-model.js";

const tiny = withTinyModel();
type Name = "letters" | "capitals";

/** Any function of the text will do here; it sees what was asked, so that it can be told for which pair. */
const scorer: Scorer<Name> = {
  names: ["letters", "capitals"],
  score(answer, { question }) {
    const share = (pattern: RegExp) => (answer.match(pattern) ?? []).length / Math.max(1, answer.length);
    return { letters: share(/[a-z]/g), capitals: question.length / 100 };
  },
};

const work: RunWork<Name> = { pairs, settings: settingsOf(plan), scorer, answering };

async function collect(cells: AsyncIterable<Cell<Name>[]>): Promise<Cell<Name>[]> {
  const all: Cell<Name>[] = [];
  for await (const batch of cells) all.push(...batch);
  return all;
}

describe("a run", () => {
  const identity = identifyRun(work, { model: "tiny", backend: "cpu" });

  let cells: Cell<Name>[] = [];

  test("fills the table, all settings for every pair", async () => {
    cells = await collect(computeCells(tiny.model, work));
    expect(cells).toHaveLength(countCells(work));
    expect(new Set(cells.map(({ setting, pair }) => `${setting}/${pair}`)).size).toBe(countCells(work));
  });

  test.each([["drift"], ["pairs"], ["good", "good"]])(
    "a score can't be named as a field is: %j",
    async (...names) => {
      const taken = { names, score: () => Object.fromEntries(names.map((name) => [name, 1])) };
      await expect(computeCells(tiny.model, { ...work, scorer: taken }).next()).rejects.toMatchObject({
        code: "bad-score",
        message: expect.stringContaining(JSON.stringify(names[0])),
      });
    },
  );

  test("taken up again after an interruption anywhere, it gives the same file to the byte", async () => {
    const settings = settingsOf({
      strengths: [0, 1, 3],
      iterations: [],
      exactIterations: [],
      budgets: [],
      ratios: [],
    });
    const few: RunWork<Name> = { ...work, settings, answering: { ...answering, maxNewTokens: 3 } };
    const run = identifyRun(few, { model: "tiny", backend: "cpu" });
    const whole = join(tiny.folder, "whole.jsonl");
    const file = await CellFile.open(whole, run, few);
    for await (const batch of computeCells(tiny.model, few)) await file.add(batch);
    const bytes = await readFile(whole, "utf8");
    for (const share of [0, 0.01, 0.55, 0.9, 1]) {
      const cut = join(tiny.folder, "cut.jsonl");
      await writeFile(cut, bytes);
      await truncate(cut, Math.floor(share * Buffer.byteLength(bytes)));
      const again = await CellFile.open(cut, run, few);
      const before = again.cells.length;
      let computed = 0;
      for await (const batch of computeCells(tiny.model, few, (pair) => again.has(pair))) {
        await again.add(batch);
        computed += batch.length;
      }
      expect(before + computed).toBe(countCells(few));
      expect(await readFile(cut, "utf8")).toBe(bytes);
    }
    const torn = join(tiny.folder, "torn.jsonl");
    const halfCharacter = Buffer.from("é").subarray(0, 1);
    await writeFile(torn, Buffer.concat([Buffer.from(`${bytes}{"text":"`), halfCharacter]));
    await CellFile.open(torn, run, few);
    expect(await readFile(torn, "utf8")).toBe(bytes);
  });

  test("a file of another run is refused, and so is a damaged one", async () => {
    const path = join(tiny.folder, "other.jsonl");
    await writeFile(path, headerLine({ ...identity, seed: 1 }));
    await expect(CellFile.open(path, identity, work)).rejects.toMatchObject({ code: "other-run" });
    for (const damaged of [
      `${headerLine(identity)}{"setting":\n`,
      "null\n",
      `${headerLine(identity)}{"pair":1}\n`,
    ]) {
      await writeFile(path, damaged);
      await expect(CellFile.open(path, identity, work)).rejects.toMatchObject({
        code: "bad-file",
        message: expect.stringContaining(path),
      });
    }
  });

  test("a batch that lacks a line, or has one twice, is computed again; the others stay", async () => {
    const path = join(tiny.folder, "holes.jsonl");
    const ofBatch = (first: number) => cells.filter(({ pair }) => pair - (pair % batchSize) === first);
    const [early, late] = [ofBatch(0), ofBatch(batchSize)];
    const open = async (...kept: Cell<Name>[][]) => {
      await writeFile(path, headerLine(identity) + kept.flat().map(cellLine).join(""));
      const file = await CellFile.open(path, identity, work);
      return [file.has(0), file.has(batchSize)];
    };
    expect(await open(early, late)).toEqual([true, true]);
    expect(await open(early.slice(1), late)).toEqual([false, true]);
    expect(await open([...early.slice(1), early[1]!], late)).toEqual([false, true]);
    expect(await open(early, late.slice(0, -1))).toEqual([true, false]);
  });

  test("stored answers are judged by today's scorer, others stay to the byte", async () => {
    const path = join(tiny.folder, "judged.jsonl");
    const bytes = headerLine(identity) + cells.map(cellLine).join("");
    await writeFile(path, bytes);
    await CellFile.open(path, identity, work);
    expect(await readFile(path, "utf8")).toBe(bytes);
    const today: Scorer<Name> = {
      ...scorer,
      score: (_, { question }) => ({ letters: 0.25, capitals: question === "If?" ? 1 : 0 }),
    };
    const { cells: judged } = await CellFile.open(path, identity, { pairs, scorer: today });
    expect(judged).toEqual(
      cells.map((cell) => ({
        ...cell,
        scores: { letters: 0.25, capitals: pairs[cell.pair]!.question === "If?" ? 1 : 0 },
      })),
    );
  });

  test("a line of the first studies' files is a cell", async () => {
    const path = join(tiny.folder, "first.jsonl");
    const [pair] = pairs as [(typeof pairs)[number]];
    const one: RunWork = {
      pairs: [pair],
      settings: [{ kind: "dial", value: 0 }],
      scorer: {
        names: ["grammaticality", "relevance", "preference"],
        score: () => ({ grammaticality: 1, relevance: 0.5, preference: 0 }),
      },
      answering,
    };
    const run = { model: "m", backend: "wasm", pairs: "p", pairCount: 1, settings: "s", settingCount: 1 };
    const rest = { batchSize: 16, maxNewTokens: 144, temperature: 0, seed: 0 };
    const text =
      `{"format":"amulet lab curve, cells, 1",${JSON.stringify({ ...run, ...rest }).slice(1)}\n` +
      '{"setting":"dial 0","pair":0,"text":"Tea.","tokens":2,"finishReason":"stop","drift":0.25,' +
      '"grammaticality":1,"relevance":0.5,"preference":0}\n';
    await writeFile(path, text);
    const { cells } = await CellFile.open(path, { ...run, ...rest }, one);
    expect(cells).toEqual([
      {
        setting: "dial 0",
        pair: 0,
        text: "Tea.",
        tokens: 2,
        finishReason: "stop",
        drift: 0.25,
        scores: { grammaticality: 1, relevance: 0.5, preference: 0 },
      },
    ]);
    expect(await readFile(path, "utf8")).toBe(text);
  });

  test.each([Number.NaN, -0.1, 1.1, undefined])("a score of %s is refused", async (letters) => {
    const broken = { ...scorer, score: () => ({ letters, capitals: 0 }) } as Scorer<Name>;
    const run = computeCells(tiny.model, { ...work, settings: work.settings.slice(0, 1), scorer: broken });
    await expect(run.next()).rejects.toMatchObject({
      code: "bad-score",
      message: expect.stringContaining("as letters"),
    });
  });

  test("is another one when anything of it changes", () => {
    const on = { model: "tiny", backend: "cpu" };
    const other = (change: Partial<RunWork>) => identifyRun({ ...work, ...change }, on);
    const changed = [
      other({ pairs: [...pairs].reverse() }),
      other({ settings: work.settings.slice(1) }),
      other({ answering: { ...answering, seed: 1 } }),
      identifyRun(work, { ...on, backend: "wasm" }),
    ];
    expect(new Set([identity, ...changed].map((run) => JSON.stringify(run))).size).toBe(5);
  });

  test("stops between two tokens when it is told to", async () => {
    const interrupt = new AbortController();
    const cells = computeCells(tiny.model, {
      ...work,
      answering: { ...answering, signal: interrupt.signal },
    });
    setImmediate(() => interrupt.abort());
    await expect(cells.next()).rejects.toMatchObject({ code: "aborted" });
  });

  test("gives curves where T, ratio and x agree, and the loop's answers are the dial's", () => {
    const table = tabulate(cells, (pair) => pair < 8);
    const summaryOf = (setting: Setting) =>
      summarise(table, setting, ["letters", "drift"], { resamples: 100 });
    const curves = layOutCurves(plan, summaryOf);
    const atPaper = curves.strength.find(({ at }) => at === paperStrength)!;
    expect({ ...curves.iterations.at(-1), at: 0 }).toEqual({ ...atPaper, at: 0 });
    expect({ ...curves.ratio[1], at: 0 }).toEqual({ ...curves.strength.find(({ at }) => at === 2), at: 0 });
    for (const { at, letters } of curves.exact)
      expect(letters).toEqual(curves.iterations.find((point) => point.at === at)!.letters);
    for (const T of plan.exactIterations) {
      const dial: Setting = { kind: "dial", value: strengthOfIterations(T) };
      expect(agreement(table, { kind: "loop", value: T }, dial)).toBe(1);
    }
    expect(agreement(table, { kind: "dial", value: 0 }, { kind: "dial", value: 1 })).toBeLessThan(1);
    expect(curves.strength.every((point) => point.pairs === 8)).toBe(true);
  });
});
