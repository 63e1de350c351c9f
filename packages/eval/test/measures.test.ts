/** What models say of answers: kept beside them, taken once, told in reports. */
import { appendFile, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  answerRows,
  judgeRun,
  likelihoodMeasure,
  type Measure,
  mergeRuns,
  OpenShard,
  parseConfig,
  parseShard,
  planRun,
  qualityScorer,
  type Rater,
  readAnswers,
  readMeasures,
  rewardMeasure,
  summariseRun,
  takeMeasure,
  wholeRun,
  withMeasures,
} from "../src/index.js";
import { withTinyModel } from "./tiny-model.js";

const tiny = withTinyModel(256);
let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "amulet-measures-"));
});
afterEach(() => rm(folder, { recursive: true }));

const config = parseConfig(
  "questions: { source: x }\npreferences: [{ name: kind, text: Be kind. }]\nmethods: [{ method: base }, { method: pref }]\nanswers: { maxNewTokens: 5 }\nscores: quality",
  {},
  "a test",
);
const questions = ["Why?", "How now?", "Who?"].map((question, i) => ({ id: `q${i}`, question }));
const source = { model: "tiny", digest: "abc", engine: "tfjs", backend: "cpu", versions: {} };
const plan = planRun(source, config, questions);

async function answer(into: string, shard = wholeRun): Promise<void> {
  const open = await OpenShard.open(into, plan, shard);
  for await (const done of answerRows(tiny.model, plan, open.missing)) await open.add(done);
  await open.close();
}

/** Says how long an answer is, and counts what it was asked. */
function ruler(by: string, asked: string[]): Measure {
  return {
    names: ["length"],
    by,
    atOnce: 2,
    take: async (answers) => {
      asked.push(...answers.map(({ answer: { key } }) => key));
      return answers.map(({ answer: { text } }) => [text.length]);
    },
  };
}

describe("a measure", () => {
  test("is taken of every answer once, wherever it was interrupted", async () => {
    await answer(folder);
    const asked: string[] = [];
    const measure = ruler("a", asked);
    const broken = {
      ...measure,
      take: async (...[answers, signal]: Parameters<Measure["take"]>) => {
        if (asked.length >= 4) throw new Error("out of power");
        return measure.take(answers, signal);
      },
    };
    await expect(takeMeasure(folder, plan, broken)).rejects.toThrow("out of power");
    await takeMeasure(folder, plan, measure);
    await takeMeasure(folder, plan, measure);
    expect(asked).toHaveLength(plan.rows.length);
    expect(new Set(asked).size).toBe(asked.length);
    const answers = await readAnswers(folder);
    for (const { key, values } of await readMeasures(folder))
      expect(values).toEqual({ length: answers.get(key)!.text.length });
  });

  test("is a score in reports where every answer has it, and told apart where some have not", async () => {
    await answer(folder, parseShard("1/2"));
    await takeMeasure(folder, plan, ruler("a", []));
    const judge = async () => {
      const judged = await judgeRun(plan, await readAnswers(folder), qualityScorer);
      return withMeasures(judged, qualityScorer, await readMeasures(folder));
    };
    const whole = await judge();
    expect(whole.scorer.names).toEqual(["fluency", "relevance", "compliance", "length"]);
    const { groups } = summariseRun(plan, whole.judged, whole.scorer);
    const lengths = whole.judged
      .filter(({ cell }) => cell.setting === "dial 0")
      .map(({ answer: { text } }) => text.length);
    expect(groups[0]!.settings[0]!.summary.length!.mean).toBeCloseTo(
      lengths.reduce((sum, one) => sum + one, 0) / lengths.length,
    );
    await answer(folder, parseShard("2/2"));
    const part = await judge();
    expect(part).toMatchObject({ partial: ["length"] });
    expect(part.scorer.names).not.toContain("length");
  });

  test("comes along where shares are joined", async () => {
    const shares = ["1/2", "2/2"].map((share, i) => ({ share, path: join(folder, `m${i}`) }));
    for (const { share, path } of shares) {
      await answer(path, parseShard(share));
      await takeMeasure(path, plan, ruler("a", []));
    }
    await mergeRuns(
      shares.map(({ path }) => path),
      join(folder, "all"),
    );
    const asked: string[] = [];
    await takeMeasure(join(folder, "all"), plan, ruler("a", asked));
    expect(asked).toEqual([]);
  });

  test("of the same name by another model stands for itself: the later one is told", async () => {
    await answer(folder);
    await takeMeasure(folder, plan, ruler("a", []));
    const twice = { ...ruler("b", []), take: async (all: readonly unknown[]) => all.map(() => [7]) };
    await takeMeasure(folder, plan, twice);
    const judged = await judgeRun(plan, await readAnswers(folder), qualityScorer);
    const { judged: measured } = withMeasures(judged, qualityScorer, await readMeasures(folder));
    expect(new Set(measured.map(({ cell }) => cell.scores.length))).toEqual(new Set([7]));
  });

  test("a torn last line is measured again", async () => {
    await answer(folder);
    await takeMeasure(folder, plan, ruler("a", []));
    const path = join(folder, "measures.jsonl");
    const before = await readFile(path, "utf8");
    await appendFile(path, '{"key":"x","by');
    await takeMeasure(folder, plan, ruler("a", []));
    expect(await readFile(path, "utf8")).toBe(before);
  });
});

describe("likelihood", () => {
  test("of an answer by the base prompt alone is what decoding told, token by token", async () => {
    await answer(folder);
    const engine = { model: tiny.model, tokenizer: tiny.model.tokenizer };
    await takeMeasure(folder, plan, likelihoodMeasure(engine, plan));
    const answers = await readAnswers(folder);
    const measured = (await readMeasures(folder)).map(({ key, values }) => ({
      ...answers.get(key)!,
      values,
    }));
    const own = measured.filter(
      ({ setting, finishReason }) => setting === "dial 0" && finishReason === "length",
    );
    expect(own.length).toBeGreaterThan(0);
    for (const { values, logProbability } of own)
      expect(values.logPerplexity).toBeCloseTo(-logProbability.mean!, 3);
    for (const { values } of measured) {
      expect(values.questionLikelihood).toBeLessThan(0);
      expect(values.logPerplexity).toBeGreaterThan(0);
    }
  });
});

describe("a reward", () => {
  const rater = (heads: readonly number[], score: number | null): Rater & { readonly seen: unknown[] } => {
    const seen: unknown[] = [];
    return {
      name: "rater",
      digest: "d",
      seen,
      rate: async (chats) => {
        seen.push(...chats);
        return chats.map(() => ({ heads, score }));
      },
    };
  };

  test("is of question and preference as one turn, and is what reports compare by", async () => {
    await answer(folder);
    const asked = rater([1, -2, 3], 0.5);
    await takeMeasure(folder, plan, rewardMeasure(asked, null));
    const [first] = [...(await readAnswers(folder)).values()];
    expect(asked.seen).toContainEqual([
      { role: "user", content: "Why? Be kind." },
      { role: "assistant", content: first!.text },
    ]);
    const judged = await judgeRun(plan, await readAnswers(folder), qualityScorer);
    const measured = withMeasures(judged, qualityScorer, await readMeasures(folder));
    expect(summariseRun(plan, measured.judged, measured.scorer).measures[0]).toBe("reward");
    await takeMeasure(folder, plan, rewardMeasure(asked, 1));
    expect((await readMeasures(folder)).at(-1)!.values).toEqual({ reward: -2 });
  });

  test.each([
    [[1, 2], null, null, /2 heads, and none that speaks for all/],
    [[1, 2], 1, 6, /there is no head 6: choose, from 0 to 1/],
  ])("of heads %j, score %s and head %s is refused", async (heads, score, head, sentence) => {
    await answer(folder, parseShard("1/3"));
    await expect(takeMeasure(folder, plan, rewardMeasure(rater(heads, score), head))).rejects.toThrow(
      sentence,
    );
  });
});
