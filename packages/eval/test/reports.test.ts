/** What a report says, of answers that are made up. */
import { parseHTML } from "linkedom";
import { expect, test } from "vitest";
import {
  compareRuns,
  judgeRun,
  parseConfig,
  planRun,
  type RunAnswer,
  type RunPlan,
  type Scorer,
  summariseRun,
  writeCsv,
  writeHtml,
  writeLatex,
  writeMarkdown,
} from "../src/index.js";

const hostile = `<script>alert("1")</script> & 'x', "y"\n=2`;
const config = parseConfig(
  `questions: { source: somewhere }
preferences: [{ name: kind_&, text: Be kind. }, { name: brief, text: "<b>Be brief.</b>" }]
methods: [{ method: base }, { method: pref }, { method: amulet, x: 3 }, { method: bounded, nats: 0.5 }]
answers: { samples: 2, temperature: 1 }
scores: made-up`,
  {},
  "a test",
);
const source = { model: hostile, digest: "d", engine: "tfjs", backend: "cpu", versions: {} };
const questions = Array.from({ length: 6 }, (_, i) => ({ id: `q${i}`, question: `${hostile} ${i}?` }));
const plan = planRun(source, config, questions);

/** Follows by what the text says: "3 of 4" is 0.75. */
const scorer: Scorer = {
  names: ["whole", "preference"],
  score: (text) => ({ whole: 1 - Number(text.endsWith("!")) / 2, preference: Number.parseInt(text, 10) / 4 }),
};

const strengths: Record<string, number> = { "dial 0": 0, "dial 1": 1, "dial 3": 3, "bounded 0.5": 3 };

function answersOf({ rows, pairs }: RunPlan, shift = 0): Map<string, RunAnswer> {
  const entries = rows.map((row): [string, RunAnswer] => {
    const setting = `${row.setting.kind} ${row.setting.value}`;
    const told = Math.min(4, Math.max(0, strengths[setting]! + (row.pair % 2) + shift * row.sample));
    const text = `${told} of 4 ${hostile}${setting === "dial 3" ? "!" : ""}`;
    const { questionId, preferenceName } = pairs[row.pair]!;
    const answer: RunAnswer = {
      key: row.key,
      text,
      questionId,
      preference: preferenceName,
      setting,
      sample: row.sample,
      finishReason: "stop",
      ids: [1, 2],
      ends: [3, text.length],
      logProbability: { mean: -1, least: -2 },
      x: 1,
      kl: [0.5, 1.5],
      prompts: { base: "", preference: "" },
      promptTokens: { base: 1, preference: 2 },
      ms: 1,
      at: "2026-01-01T00:00:00.000Z",
    };
    return [row.key, answer];
  });
  return new Map(entries);
}

const judge = (shift = 0) => judgeRun(plan, answersOf(plan, shift), scorer);

test("a summary has the means of its groups, pairs answers, and tells the front", async () => {
  const summary = summariseRun(plan, await judge(), scorer);
  expect(summary.measures).toEqual(["preference", "whole", "drift"]);
  expect(summary.groups.map(({ preference }) => preference)).toEqual([null, "kind_&", "brief"]);
  const [all, kind] = summary.groups;
  const byKey = (group: typeof all) => new Map(group!.settings.map((one) => [one.key, one]));
  // Of pairs 0, 1, 2, … every second is one higher: a half of a quarter on average.
  expect(byKey(all).get("dial 1")!.summary.preference!.mean).toBeCloseTo(0.375, 12);
  expect(byKey(kind).get("dial 1")!.summary.preference!.mean).toBeCloseTo(0.25, 12);
  expect(byKey(all).get("dial 1")!.summary.drift!.mean).toBe(1);
  const versus = byKey(all).get("dial 3")!.versus!.preference!;
  expect(versus.difference).toEqual({ mean: 0.5, low: 0.5, high: 0.5 });
  expect(versus.wins).toMatchObject({ wins: 24, ties: 0, losses: 0 });
  // Six questions, each with four answers: all sums have one sign in 2 of 2⁶ assignments.
  expect(versus.p).toBe(2 / 64);
  expect(byKey(kind).get("dial 3")!.versus!.preference!.adjusted).toBe(4 / 64);
  expect(byKey(all).get("dial 1")!.versus).toBeUndefined();
  const front = all!.settings.filter(({ isOnFront }) => isOnFront).map(({ key }) => key);
  expect(front).toEqual(["bounded 0.5"]);
});

test("a part of a run is reported as one", async () => {
  const judged = (await judge()).slice(0, 20);
  const summary = summariseRun(plan, judged, scorer);
  expect(summary).toMatchObject({ answers: 20, missing: plan.rows.length - 20 });
  expect(writeMarkdown(summary)).toContain(`${plan.rows.length - 20} answers are missing`);
});

test("two runs differ by what changed, matched answer by answer", async () => {
  const [first, second] = [await judge(), await judge(1)];
  const changes = compareRuns(first, second, scorer.names);
  const base = changes.find(({ setting }) => setting === "dial 0")!;
  // The second sample of every answer is a quarter better, the first the same.
  expect(base).toMatchObject({ answers: 24, same: 0.5 });
  expect(base.scores.preference!.difference.mean).toBeCloseTo(0.125, 12);
  expect(base.scores.preference!.adjusted).toBeCloseTo(Math.min(1, 4 * (2 / 64)), 12);
  const back = compareRuns(second, first.slice(0, 9), scorer.names);
  expect(back.reduce((sum, { answers }) => sum + answers, 0)).toBe(9);
});

test("the page shows every text as text, and has no other script than its own", async () => {
  const judged = await judge();
  const html = await writeHtml(summariseRun(plan, judged, scorer), judged);
  const { document } = parseHTML(html);
  expect(document.querySelectorAll("script")).toHaveLength(1);
  expect(document.querySelectorAll("b:not([title])")).toHaveLength(0);
  expect(document.querySelector("h1")!.textContent).toBe(`Evaluation of ${hostile}`);
  expect(document.querySelectorAll("svg")).toHaveLength(2);
  expect(document.querySelectorAll(".pair")).toHaveLength(8);
  expect(document.querySelectorAll("fieldset")).toHaveLength(12);
  expect(html).not.toMatch(/NaN|undefined/);
  // The heat of the second token: 1.5 of 2 nats.
  expect(html).toContain('data-tip="KL 1.500 nats" style="background:rgb(213 94 0/0.56)"');
});

test("blind answers stand on either side, and the form knows which is which", async () => {
  const judged = await judge();
  const { document } = parseHTML(await writeHtml(summariseRun(plan, judged, scorer), judged));
  const items = [...document.querySelectorAll("fieldset")];
  const sides = items.map((item) => {
    const texts = [...item.querySelectorAll(".answer")].map(({ textContent }) =>
      Number.parseInt(textContent!, 10),
    );
    const other = item.querySelector("input")!.getAttribute("data-other")!;
    // The setting that is shown follows more than the reference.
    expect(texts["AB".indexOf(other)]).toBe(Math.max(...texts));
    return other;
  });
  expect(new Set(sides).size).toBe(2);
});

test("CSV quotes what it must, and reads back", async () => {
  const csv = writeCsv((await judge()).slice(0, 1), scorer.names);
  const fields = [
    ...csv.slice(csv.indexOf("\r\n") + 2).matchAll(/"((?:[^"]|"")*)"(?:,|\r\n)|([^,"\r\n]*)(?:,|\r\n)/g),
  ].map(([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain);
  expect(fields.slice(0, 4)).toEqual(["q0", `${hostile} 0?`, "kind_&", "dial 0"]);
  expect(fields.at(-1)).toBe(`0 of 4 ${hostile}`);
});

test("LaTeX has a column for each preference, its letters escaped", async () => {
  const table = writeLatex(summariseRun(plan, await judge(), scorer));
  expect(table).toContain("\\emph{preference} & kind\\_\\& & brief \\\\");
  expect(table).toContain("KL $\\leq$ 0.5 & 0.75 {\\scriptsize [0.75, 0.75]} & 1.00");
});
