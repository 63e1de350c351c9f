/** Grids over weights of several preferences, strengths and masks. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { nameSetting } from "../src/grid/method-lists.js";
import {
  answerRows,
  computedScorer,
  judgeRun,
  OpenShard,
  parseConfig,
  planRun,
  type RunConfig,
  readAnswers,
  readRun,
  type Scorer,
  summariseRun,
  wholeRun,
  writeHtml,
} from "../src/index.js";
import { withTinyModel } from "./tiny-model.js";

const tiny = withTinyModel();
let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "amulet-grids-"));
});
afterEach(() => rm(folder, { recursive: true }));

const questions = ["Why?", "How now?", "Who?"].map((question, i) => ({ id: `q${i}`, question }));
const source = { model: "tiny", digest: "abc", engine: "tfjs", backend: "cpu", versions: {} };
const defaults = { questions: { source: "x" }, answers: { maxNewTokens: 6 }, scores: "computed" };
const parts = [
  { name: "formal", text: "Be kind." },
  { name: "concise", text: "Be brief." },
];
const methods = [
  { method: "base" },
  {
    method: "pref",
    weights: [
      [1, 0],
      [0, 1],
    ],
  },
  {
    method: "bounded",
    nats: [0.2, 1],
    weights: [
      [1, 0],
      [0.5, 0.5],
      [0, 1],
    ],
  },
  { method: "amulet", iterations: [2, 60], plausibility: [0.5, 0.9], weights: [1, -1] },
];
const configOf = (value: object) => parseConfig(JSON.stringify(value), defaults, "it.yaml");
const both = configOf({ preferences: [{ name: "both", parts }], methods });

async function answer(config: RunConfig) {
  const plan = planRun(source, config, questions);
  const into = await mkdtemp(join(folder, "run-"));
  const open = await OpenShard.open(into, plan, wholeRun);
  for await (const done of answerRows(tiny.model, plan, open.missing)) await open.add(done);
  await open.close();
  return { into, plan, answers: [...(await readAnswers(into)).values()] };
}

test("a grid is every combination, each under its own name", () => {
  const { settings, rows } = planRun(source, both, questions);
  expect(settings).toHaveLength(1 + 2 + 2 * 3 + 2 * 2);
  expect(new Set(settings.map(nameSetting)).size).toBe(settings.length);
  expect(new Set(rows.map(({ key }) => key)).size).toBe(rows.length);
  expect(settings.map(nameSetting)).toEqual(expect.arrayContaining(["KL ≤ 0.2, weights 0.5 : 0.5"]));
});

test("a weight of 1 beside zeros is that preference alone, token by token", async () => {
  const mixed = await answer(both);
  expect((await readRun(mixed.into)).rows).toEqual(mixed.plan.rows);
  for (const [k, part] of parts.entries()) {
    const alone = await answer(
      configOf({ preferences: [part], methods: [{ method: "pref" }, { method: "bounded", nats: [0.2, 1] }] }),
    );
    const weights = parts.map((_, i) => Number(i === k)).join(" ");
    for (const { questionId, setting, ids } of alone.answers) {
      const same = mixed.answers.find(
        (one) => one.questionId === questionId && one.setting === `${setting} weights ${weights}`,
      );
      expect(same!.ids).toEqual(ids);
    }
  }
});

test("a report draws the curves and the front, and scores the mean of the parts", async () => {
  const { plan, into } = await answer(both);
  const scorer: Scorer = computedScorer({ "Be kind. Be brief.": ["formal", "concise"] });
  expect(scorer.score("Hi! It's so.", plan.pairs[0]!)).toMatchObject({ preference: 0.5 });
  const judged = await judgeRun(plan, await readAnswers(into), scorer);
  const summary = summariseRun(plan, judged, scorer);
  const page = await writeHtml(summary, judged);
  expect(page).not.toMatch(/NaN|undefined/);
  // The front's line and the line of every family of weights, in the first diagram.
  expect(page.match(/stroke-dasharray="6 3"/g)).toHaveLength(1);
  expect(page.match(/stroke-dasharray="2 3"/g)?.length).toBeGreaterThan(1);
});

describe("what is refused", () => {
  test.each([
    [
      { preferences: [{ name: "a", text: "b" }], methods: [{ method: "pref", weights: [1, 2] }] },
      /no parts to weigh/,
    ],
    [
      { preferences: [{ name: "a", parts }], methods: [{ method: "pref", weights: [1, 2, 3] }] },
      /has 2 parts/,
    ],
    [{ preferences: [], methods: [{ method: "pref", weights: [1, 2] }] }, /no preference has parts/],
    [{ preferences: [{ name: "a" }], methods: [{ method: "pref" }] }, /a text or parts are expected/],
    [
      { preferences: [{ name: "a", parts: parts.slice(1) }], methods: [{ method: "pref" }] },
      /preferences\.0\.parts/,
    ],
    [
      { preferences: [{ name: "a", parts }], methods: [{ method: "pref", weights: [1] }] },
      /methods\.0\.weights/,
    ],
  ])("%j", (value, sentence) => expect(() => configOf(value)).toThrow(sentence));
});
