/** Folders of runs: what is kept, what is refused, how work is shared. */
import { appendFile, mkdir, mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { beamSearch } from "@amulet-ts/core";
import { fc, test as property } from "@fast-check/vitest";
import * as v from "valibot";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { parse } from "yaml";
import {
  answerRows,
  mergeRuns,
  OpenShard,
  parseConfig,
  parseShard,
  planRun,
  type Question,
  type RunAnswer,
  type RunPlan,
  readAnswers,
  readRun,
  readStatus,
  wholeRun,
} from "../src/index.js";
import { LineFile } from "../src/runs/line-file.js";
import { renderPair } from "../src/runs/render-pair.js";
import { isOfShard, listRows } from "../src/runs/rows.js";
import { lockShard } from "../src/runs/run-lock.js";
import { withTinyModel } from "./tiny-model.js";

const tiny = withTinyModel();
let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "amulet-runs-"));
});
afterEach(() => rm(folder, { recursive: true }));

const written = `
questions: { source: somewhere }
preferences: [{ name: kind, text: Be kind. }, { name: brief, text: Be brief. }]
methods: [{ method: base }, { method: pref }, { method: bounded, nats: [0.1, 1] }]
answers: { maxNewTokens: 5 }
scores: computed
parallel: 7
`;
const config = parseConfig(written, {}, "a test");
const questions: Question[] = ["Why?", "How now?", "Who is it?", "When?", "Where to?"].map((question, i) => ({
  id: `q${i}`,
  question,
}));
const source = {
  model: "tiny",
  digest: "abc",
  engine: "tfjs",
  backend: "cpu",
  versions: { amulet: "0.1.0", engine: "4" },
};
const plan = planRun(source, config, questions);

async function answerShard(into: string, share = wholeRun, work: RunPlan = plan): Promise<void> {
  const open = await OpenShard.open(into, work, share);
  try {
    for await (const done of answerRows(tiny.model, work, open.missing)) await open.add(done);
  } finally {
    await open.close();
  }
}

const textsOf = async (from: string) =>
  [...(await readAnswers(from)).values()].map(({ key, text }) => `${key} ${text}`).sort();

describe("a beam search in a run", () => {
  const searched = parseConfig(
    written.replace("[{ method: base }", "[{ method: beam, beams: [1, 3] }, { method: base }"),
    {},
    "a test",
  );

  test("each answer is that of core's search of the preference prompt", async () => {
    const work = planRun(source, searched, questions.slice(0, 2));
    await answerShard(folder, wholeRun, work);
    const answers = await readAnswers(folder);
    expect(answers.size).toBe(work.rows.length);
    for (const row of work.rows.filter(({ setting }) => setting.kind === "beam")) {
      const { preferences } = renderPair(tiny.model, searched.answers, work.pairs[row.pair]!);
      const options = { beams: row.setting.value, maxNewTokens: 5 };
      const best = await beamSearch(tiny.model, preferences[0]!.ids, options);
      const { ids, finishReason, kl, logProbability } = answers.get(row.key)!;
      expect({ ids, finishReason, kl }).toEqual({ ids: best.ids, finishReason: best.finishReason, kl: [] });
      const count = ids.length + (finishReason === "stop" ? 1 : 0);
      expect(logProbability.mean).toBeCloseTo(best.logProbability / count, 3);
    }
  });

  test("one beam says what the greedy preference prompt says", async () => {
    const work = planRun(source, searched, questions.slice(0, 2));
    await answerShard(folder, wholeRun, work);
    const answers = [...(await readAnswers(folder)).values()];
    const textsUnder = (key: string) =>
      answers.filter(({ setting }) => setting === key).map(({ text }) => text);
    expect(textsUnder("beam 1").sort()).toEqual(textsUnder("dial 1").sort());
    expect(textsUnder("beam 3").sort()).not.toEqual(textsUnder("dial 1").sort());
  });

  test.each([
    ["draws nothing", { answers: { temperature: 1 } }],
    [
      "reads one prompt",
      { preferences: [{ name: "both", parts: [1, 2].map((n) => ({ name: `${n}`, text: "a" })) }] },
    ],
  ])("%s", (message, changes) => {
    const value = { ...parse(written), methods: [{ method: "beam" }], ...changes };
    expect(() => parseConfig(JSON.stringify(value), {}, "it")).toThrow(message);
  });
});

describe("a config", () => {
  test("is frozen with every default, and reads back as the same run", async () => {
    await answerShard(folder);
    const record = parse(await readFile(join(folder, "run.yaml"), "utf8"));
    expect(record.config).toMatchObject({
      answers: { temperature: 0, samples: 1, seed: 0, system: null, preferenceIn: "question" },
      questions: { source: "somewhere", field: "question", limit: null },
    });
    expect((await readRun(folder)).rows).toEqual(plan.rows);
  });

  test.each([
    ["tempature: 1", /tempature/],
    ["answers: { temperature: -1 }", /answers\.temperature/],
    ["answers: { samples: 3 }", /at temperature 0/],
    ["methods: [{ method: bounded }]", /methods\.0\.nats/],
    ["methods: [{ method: magic }]", /methods\.0/],
    ["methods: []", /methods is empty/],
    ["preferences: [{ name: a, text: b }, { name: a, text: c }]", /named "a"/],
    ["- a", /mapping/],
    ["a: [", /no YAML/],
  ])("%s is refused with its place", (line, where) => {
    const base = { questions: { source: "x" }, preferences: [], scores: "computed" };
    expect(() => parseConfig(line, base, "it.yaml")).toThrow(where);
    expect(() => parseConfig(line, base, "it.yaml")).toThrow(/^it\.yaml is no config/);
  });

  test("a sweep is each of its values, once", () => {
    const lists =
      "methods: [{ method: amulet, x: [1, 2], plausibility: [0.5, 0.8] }, { method: la, ratio: [1, 2] }, { method: pref }, { method: pref }]";
    const { settings } = planRun(source, parseConfig(lists, { ...config } as never, "it"), questions);
    expect(settings).toHaveLength(7);
    expect(settings.at(-1)).toEqual({ kind: "dial", value: 1 });
  });
});

describe("a row's key", () => {
  test("is another for every other thing that makes an answer, and no two rows share one", () => {
    const keys = (rows: RunPlan["rows"]) => rows.map(({ key }) => key);
    const { pairs, settings } = plan;
    const first = keys(plan.rows);
    expect(new Set(first).size).toBe(first.length);
    const others = [
      listRows({ ...source, digest: "abd" }, config, pairs, settings),
      listRows({ ...source, versions: {} }, config, pairs, settings),
      listRows(source, { answers: { ...config.answers, seed: 1 } }, pairs, settings),
      listRows(source, { answers: { ...config.answers, system: "x" } }, pairs, settings),
      listRows(
        source,
        config,
        pairs.map((pair) => ({ ...pair, question: `${pair.question}!` })),
        settings,
      ),
    ];
    for (const rows of others) expect(keys(rows).filter((key) => first.includes(key))).toEqual([]);
  });

  property.prop([fc.integer({ min: 1, max: 9 })])("shares are a partition of the rows", (count) => {
    const shares = Array.from({ length: count }, (_, i) => parseShard(`${i + 1}/${count}`));
    for (const { pair } of plan.rows)
      expect(shares.filter((share) => isOfShard(share, plan.pairs[pair]!))).toHaveLength(1);
  });

  test.each(["0/3", "4/3", "1", "a/b", "1/0", "-1/3"])("%s is no share", (text) => {
    expect(() => parseShard(text)).toThrow(/written I\/N/);
  });
});

describe("a file of lines", () => {
  const schema = v.object({ n: v.number(), text: v.string() });
  const lines = [0, 1, 2].map((n) => ({ n, text: `é${n}\u2028` }));

  test("cut anywhere, it has the lines before the cut, and goes on", async () => {
    const path = join(folder, "lines.jsonl");
    const size = Buffer.byteLength(lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
    const each = size / lines.length;
    for (let cut = 0; cut <= size; cut++) {
      await rm(path, { force: true });
      const file = await LineFile.open(path, schema);
      await file.append(lines);
      await file.close();
      await truncate(path, cut);
      const again = await LineFile.open(path, schema);
      expect(again.lines).toEqual(lines.slice(0, Math.floor(cut / each)));
      await again.append(lines.slice(again.lines.length));
      await again.close();
      expect(await readFile(path, "utf8")).toBe(lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
    }
  });

  test("zeros where the last line should be are a torn line; anywhere else the file is refused", async () => {
    const path = join(folder, "lines.jsonl");
    await writeFile(path, `${JSON.stringify(lines[0])}\n\0\0\0\n`);
    const file = await LineFile.open(path, schema);
    expect(file.lines).toEqual([lines[0]]);
    await file.close();
    await writeFile(path, `${JSON.stringify(lines[0])}\n{"n":"1"}\n${JSON.stringify(lines[2])}\n`);
    await expect(LineFile.open(path, schema)).rejects.toMatchObject({
      code: "bad-file",
      message: expect.stringContaining("Line 2 of"),
    });
  });

  test("a line that is not UTF-8 is none, and the file is cut where the bytes before it end", async () => {
    const path = join(folder, "lines.jsonl");
    const [first, last] = [lines[0], lines[2]].map((line) => Buffer.from(`${JSON.stringify(line)}\n`));
    const bad = Buffer.from('{"n":1,"text":"\xE9"}\n', "latin1");
    await writeFile(path, Buffer.concat([first!, bad]));
    const file = await LineFile.open(path, schema);
    expect(file.lines).toEqual([lines[0]]);
    await file.close();
    expect(await readFile(path)).toEqual(first);
    await writeFile(path, Buffer.concat([first!, bad, last!]));
    await expect(LineFile.open(path, schema)).rejects.toThrow(/Line 2 of/);
  });
});

describe("a lock", () => {
  const deadLock = (shard: string) =>
    // The largest process id of Linux is below this one.
    writeFile(
      join(folder, `lock.${shard}`),
      JSON.stringify({ pid: 2 ** 22 + 1, host: hostname(), token: "t", since: "then" }),
    );

  test("keeps a second worker from the share, and lets it have another", async () => {
    const lock = await lockShard(folder, parseShard("1/2"));
    await expect(lockShard(folder, parseShard("1/2"))).rejects.toMatchObject({ code: "locked" });
    await expect(lockShard(folder, parseShard("3/3"))).rejects.toMatchObject({ code: "locked" });
    const other = await lockShard(folder, parseShard("2/2"));
    await lock.release();
    await (await lockShard(folder, parseShard("1/2"))).release();
    await other.release();
  });

  test("of a dead process is one worker's, of however many that want it", async () => {
    for (let round = 0; round < 20; round++) {
      await deadLock("1-of-1");
      const taken = await Promise.allSettled(Array.from({ length: 8 }, () => lockShard(folder, wholeRun)));
      const won = taken.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
      expect(won).toHaveLength(1);
      await won[0]!.release();
    }
  });

  test("of another machine counts", async () => {
    await writeFile(
      join(folder, "lock.1-of-1"),
      JSON.stringify({ pid: 1, host: "elsewhere", token: "t", since: "then" }),
    );
    await expect(lockShard(folder, wholeRun)).rejects.toThrow(/process 1 on elsewhere/);
  });
});

describe("a run", () => {
  test("interrupted at any answer and taken up again has every answer once, and the same ones", async () => {
    const whole = join(folder, "whole");
    await answerShard(whole);
    const expected = await textsOf(whole);
    expect(expected).toHaveLength(plan.rows.length);
    for (const stopAfter of [1, 17]) {
      const into = join(folder, `cut-${stopAfter}`);
      const open = await OpenShard.open(into, plan, wholeRun);
      const stop = new AbortController();
      let kept = 0;
      const work = async () => {
        for await (const done of answerRows(tiny.model, plan, open.missing, { signal: stop.signal })) {
          await open.add(done);
          kept += done.length;
          if (kept >= stopAfter) stop.abort();
        }
      };
      await expect(work()).rejects.toMatchObject({ code: "aborted" });
      await open.close();
      expect(await readStatus(into, plan)).toMatchObject({
        done: kept,
        total: plan.rows.length,
        workers: {},
      });
      await answerShard(into);
      expect(await textsOf(into)).toEqual(expected);
      const file = await readFile(join(into, "answers.1-of-1.jsonl"), "utf8");
      expect(file.trim().split("\n")).toHaveLength(plan.rows.length);
    }
  });

  test("an answer tells its strength and drift token by token", async () => {
    await answerShard(folder);
    for (const answer of (await readAnswers(folder)).values()) {
      const { ids, kl, x, setting, prompts, promptTokens, logProbability } = answer;
      expect(kl).toHaveLength(ids.length);
      if (setting.startsWith("bounded")) expect(x).toHaveLength(ids.length);
      else expect(x).toBe(Number(setting.split(" ")[1]));
      const budget = setting.startsWith("bounded") ? Number(setting.split(" ")[1]) : Number.POSITIVE_INFINITY;
      for (const nats of kl) expect(nats!).toBeLessThanOrEqual(budget * (1 + 1e-4) + 1e-5);
      expect(prompts.preference).toContain(answer.preference === "kind" ? "Be kind." : "Be brief.");
      expect(promptTokens.preference).toBeGreaterThan(promptTokens.base);
      expect(logProbability.least!).toBeLessThanOrEqual(logProbability.mean!);
    }
  });

  test("draws of an answer are its own: the same in another share, others for another sample", async () => {
    const drawn = parseConfig(written, { answers: {} }, "it");
    const sampled = planRun(
      source,
      { ...drawn, answers: { ...drawn.answers, temperature: 1, samples: 2, maxNewTokens: 6 } },
      questions.slice(0, 3),
    );
    const [whole, part] = [join(folder, "whole"), join(folder, "part")];
    await answerShard(whole, wholeRun, sampled);
    await answerShard(part, parseShard("2/3"), sampled);
    const all = await textsOf(whole);
    for (const text of await textsOf(part)) expect(all).toContain(text);
    const answers = [...(await readAnswers(whole)).values()];
    const of = (sample: number) => answers.filter((one) => one.sample === sample).map(({ text }) => text);
    expect(of(0)).not.toEqual(of(1));
  });

  test("three shares, on three machines or one, are the whole run", async () => {
    const shares = ["1/3", "2/3", "3/3"];
    for (const [i, share] of shares.entries()) await answerShard(join(folder, `m${i}`), parseShard(share));
    for (const share of shares) await answerShard(join(folder, "one"), parseShard(share));
    const machines = shares.map((_, i) => join(folder, `m${i}`));
    const result = await mergeRuns(machines, join(folder, "all"));
    expect(result).toEqual({ answers: plan.rows.length, missing: 0, double: 0 });
    await answerShard(join(folder, "whole"));
    expect(await textsOf(join(folder, "all"))).toEqual(await textsOf(join(folder, "whole")));
    expect(await textsOf(join(folder, "one"))).toEqual(await textsOf(join(folder, "whole")));
    // With no answer missing there is nothing left to do for a worker.
    const open = await OpenShard.open(join(folder, "all"), plan, wholeRun);
    expect(open.missing).toEqual([]);
    await open.close();
  });

  test("a join tells what is missing, and refuses what differs", async () => {
    const [a, b] = [join(folder, "a"), join(folder, "b")];
    await answerShard(a, parseShard("1/2"));
    await expect(mergeRuns([a], join(folder, "out"))).rejects.toMatchObject({
      code: "incomplete",
      message: expect.stringContaining("16 of 40"),
    });
    expect(await mergeRuns([a, a], join(folder, "out"), false)).toMatchObject({ missing: 16, double: 24 });
    await expect(mergeRuns([a], join(folder, "out"), false)).rejects.toThrow(/has answers already/);
    await mkdir(b);
    for (const name of ["run.yaml", "questions.jsonl"])
      await writeFile(join(b, name), await readFile(join(a, name), "utf8"));
    const [first] = [...(await readAnswers(a)).values()];
    const other: RunAnswer = { ...first!, text: "something else" };
    await writeFile(join(b, "answers.1-of-1.jsonl"), `${JSON.stringify(other)}\n`);
    await expect(mergeRuns([a, b], join(folder, "c"), false)).rejects.toThrow(/another answer/);
    const stranger = planRun({ ...source, digest: "other" }, config, questions);
    await answerShard(join(folder, "d"), wholeRun, stranger);
    await expect(mergeRuns([a, join(folder, "d")], join(folder, "c"), false)).rejects.toMatchObject({
      code: "other-run",
    });
  });

  test("a folder of another run, of another version or with other questions is refused", async () => {
    await answerShard(folder);
    const other = planRun({ ...source, backend: "wasm" }, config, questions);
    await expect(OpenShard.open(folder, other, wholeRun)).rejects.toThrow(
      /its backend is "cpu", now it is "wasm"/,
    );
    const moved = planRun(source, { ...config, parallel: 3, model: "elsewhere.gguf" }, questions);
    await (await OpenShard.open(folder, moved, wholeRun)).close();
    const path = join(folder, "run.yaml");
    const record = await readFile(path, "utf8");
    await writeFile(path, record.replace("amulet eval run, 1", "amulet eval run, 0"));
    await expect(readRun(folder)).rejects.toThrow(/of the format "amulet eval run, 0"/);
    await writeFile(path, record);
    await appendFile(join(folder, "questions.jsonl"), "\n");
    await expect(readRun(folder)).rejects.toThrow(/not the file that this run began with/);
  });

  test("another scorer and other measures hold from then on; answers, and all that decides them, stay", async () => {
    const asked = questions.slice(0, 1);
    await answerShard(folder, wholeRun, planRun(source, config, asked));
    const before = await readRun(folder);
    const answers = await readAnswers(folder);
    const measures = { likelihood: true, reward: { model: "judge", head: 2 } };
    const changed = planRun(source, { ...config, scores: "quality", measures, parallel: 3 }, asked);
    const open = await OpenShard.open(folder, changed, wholeRun);
    await open.close();
    expect(open.missing).toEqual([]);
    expect(await readRun(folder)).toEqual({
      ...before,
      config: { ...before.config, scores: "quality", measures },
    });
    expect(await readAnswers(folder)).toEqual(answers);
    const other = planRun({ ...source, backend: "wasm" }, config, asked);
    await expect(OpenShard.open(folder, other, wholeRun)).rejects.toMatchObject({ code: "other-run" });
    expect((await readRun(folder)).config.scores).toBe("quality");
  });

  test("a question that fills the context is named before anything is read", async () => {
    const long = planRun(source, config, [...questions, { id: "long", question: "why ".repeat(2000) }]);
    const work = answerRows(tiny.model, long, long.rows);
    await expect(work.next()).rejects.toThrow(/The question "long" has \d+ tokens/);
  });
});
