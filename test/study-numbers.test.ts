/** docs/study.md says what docs/study/curve.json holds, and that is what the command asks now. */
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { computedScorer, type Interval, settingsOf } from "@amulet-ts/eval";
import {
  choiceRule,
  choosePairs,
  measures,
  preferenceSentenceOf,
  type Study,
  studyPlan,
} from "@amulet-ts/lab";
import { expect, test } from "vitest";

const read = (name: string) => readFile(new URL(`../docs/${name}`, import.meta.url), "utf8");
const study = async (name = "curve") => JSON.parse(await read(`study/${name}.json`)) as Study;

const spell = ({ mean, low, high }: Interval) =>
  `${mean.toFixed(3)} [${low.toFixed(3)}, ${high.toFixed(3)}]`.replaceAll("-", "−");

/** Every interval that a file holds, wherever it stands in it. */
function intervalsIn(value: unknown): Interval[] {
  if (typeof value !== "object" || value === null) return [];
  if ("mean" in value && "low" in value) return [value as Interval];
  return Object.values(value).flatMap(intervalsIn);
}

/** Of the sections on real models. */
const realFiles = ["smollm2", "real/smollm2", "real/qwen2.5-coder", "real/engines", "real/likelihood"];
async function realIntervals(): Promise<Interval[]> {
  const files = await Promise.all(realFiles.map((name) => read(`study/${name}.json`)));
  return files.flatMap((text) => intervalsIn(JSON.parse(text)));
}

test("every mean with an interval on the page is one of the study's", async () => {
  const studies = [await study(), await study("drawn")];
  const all = studies.flatMap(({ curves, comparisons, byPreference }) => [
    ...Object.values(curves).flat(),
    ...byPreference.flatMap(({ settings }) => settings),
    ...comparisons.map(({ difference }) => difference),
  ]);
  const ofLab = all.flatMap((point) => measures.map((measure) => spell(point[measure])));
  const known = new Set([...ofLab, ...(await realIntervals()).map(spell)]);
  const shown = (await read("study.md")).match(/−?\d\.\d{3} \[−?\d\.\d{3}, −?\d\.\d{3}\]/g)!;
  expect(shown.length).toBeGreaterThan(15);
  expect(shown.filter((text) => !known.has(text))).toEqual([]);
});

test("the page's claims hold in the data, by the rule that the code has", async () => {
  const { claims, rule, run, chosen } = await study();
  expect(rule).toEqual(choiceRule);
  expect(claims.map(({ holds }) => holds)).toEqual([true, true, true, true, true]);
  expect([run.reportedPairs, run.choosingPairs]).toEqual([400, 200]);
  expect([chosen.dial?.value, chosen.bounded?.value, chosen.masked?.value]).toEqual([3.5, 2, 4]);
});

test("the data are of the pairs and settings that the command asks", async () => {
  const { run } = await study();
  const { reported, choosing } = choosePairs(400);
  const pairs = [...reported, ...choosing].map(({ question, preference }) => ({
    question,
    preference: preferenceSentenceOf(preference),
  }));
  const digest = (value: unknown) =>
    createHash("sha256").update(JSON.stringify(value)).digest("hex").slice(0, 16);
  expect([run.pairs, run.settings]).toEqual([digest(pairs), digest(settingsOf(studyPlan))]);
});

/** Of each real model that was asked, its answers' words and their scores. */
const answered = (await readdir(new URL("../docs/study/real", import.meta.url)))
  .filter((name) => name.endsWith("-answers.jsonl"))
  .map((name) => name.replace("-answers.jsonl", ""));
const readLines = async (name: string) => (await read(`study/real/${name}`)).trim().split("\n");

test.each(answered)(
  "the scores of %s are those of the words that stand beside them, answer by answer",
  async (name) => {
    const lines = (await readLines(`${name}-answers.jsonl`)).map((line) => JSON.parse(line));
    const questions = new Map(
      (await readLines("questions.jsonl"))
        .map((line) => JSON.parse(line))
        .map(({ id, question }) => [id, question]),
    );
    const [head, ...rows] = (await readLines(`${name}.csv`)).map((line) => line.split(","));
    const written = new Map(rows.map((row) => [row.slice(0, 3).join(), row.slice(3, 7).map(Number)]));
    expect(head!.slice(0, 7)).toEqual([
      ...["question", "asks", "setting"],
      ...["preference", "fluency", "relevance", "compliance"],
    ]);
    let count = 0;
    for (const { question, asks, answers } of lines) {
      const scorer = computedScorer({ [asks]: asks });
      for (const [setting, text] of Object.entries<string>(answers)) {
        const pair = { question: questions.get(question)!, preference: asks };
        const scores = await scorer.score(text, pair);
        const spelled = scorer.names.map((one) => Number(scores[one].toPrecision(4)));
        expect(written.get([question, asks, setting].join()), text).toEqual(spelled);
        count++;
      }
    }
    expect(count).toBe(rows.length);
  },
);
