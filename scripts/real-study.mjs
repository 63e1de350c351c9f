/**
 * `npm run study -- FOLDER NAME`: what a run of docs/study/real/study.yaml came to. Writes docs/study/real/NAME.json, the
 * scores of every answer that counts as NAME.csv, their words as NAME-answers.jsonl, and NAME.svg. The run may be
 * unfinished: questions that are not answered in whole are left out. The explorer shows the studies that its list names.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { prepare, root } from "./prepare.mjs";

prepare();
const [folder, name] = process.argv.slice(2);
if (name === undefined) throw new Error("usage: npm run study -- FOLDER NAME");

const {
  bootstrapClusters,
  chooseApart,
  chooseSetting,
  computedScorer,
  holm,
  judgeRun,
  keyOf,
  paperStrength,
  readAnswers,
  readRun,
  signFlipTest,
  summarise,
  summariseRun,
  tabulate,
} = await import("@amulet-ts/eval");
const { drawRealStudy } = await import("./figures/draw-real-study.mjs");

const plan = await readRun(folder);
const scorer = computedScorer(
  Object.fromEntries(plan.pairs.map(({ preference, preferenceName }) => [preference, preferenceName])),
);
const judged = keepWhole(await judgeRun(plan, await readAnswers(folder), scorer));
const cells = judged.map(({ cell }) => cell);
const questionOf = (pair) => plan.pairs[pair].questionNumber;
const pref = { kind: "dial", value: 1 };

const best = { dial: chooseOf("dial"), bounded: chooseOf("bounded") };
const table = new Map(tabulate(cells));
for (const [kind, choice] of Object.entries(best)) table.set(`best ${kind}`, choice.cells);

const { missing: _, ...summary } = summariseRun(plan, judged, scorer);
const study = {
  summary: { ...summary, questions: new Set(cells.map(({ pair }) => questionOf(pair))).size },
  chosen: Object.fromEntries(Object.entries(best).map(([kind, { chosen }]) => [kind, countChoices(chosen)])),
  comparisons: listComparisons().map(([before, after]) => compare(before, after)),
};
const write = (ending, text) => writeFileSync(join(root, `docs/study/real/${name}${ending}`), text);
write(".json", `${JSON.stringify(study, rounded)}\n`);
write(".csv", listScores());
write("-answers.jsonl", listAnswers());
write(".svg", await drawRealStudy(study.summary));
console.log(`${study.summary.questions} questions, ${judged.length} answers`);

/** Settings of a question that was stopped halfway are no pairs. */
function keepWhole(all) {
  const perQuestion = plan.rows.length / plan.questions.length;
  const counts = new Map();
  for (const { pair } of all) counts.set(pair.questionNumber, (counts.get(pair.questionNumber) ?? 0) + 1);
  return all.filter(({ pair }) => counts.get(pair.questionNumber) === perQuestion);
}

/** By the rule that stands in study.yaml. */
function chooseOf(kind) {
  const candidates = plan.settings
    .filter((one) => one.kind === kind && one.value > (kind === "dial" ? 1 : 0) && !one.plausibility)
    .sort((a, b) => a.value - b.value);
  return chooseApart(cells, questionOf, (others) => {
    const meansOf = (setting) => summarise(others, setting, scorer.names, { resamples: 1 });
    const prompt = meansOf(pref);
    const floors = { fluency: 0.95 * prompt.fluency.mean, relevance: 0.75 * prompt.relevance.mean };
    const found = chooseSetting(candidates.map(meansOf), { most: "preference", floors });
    return found ? candidates.find(({ value }) => value === found.value) : candidates[0];
  });
}

function countChoices(chosen) {
  const counts = {};
  for (const { value } of chosen.values()) counts[value] = (counts[value] ?? 0) + 1;
  return counts;
}

/** What the page asks: each way against the prompt, a budget against every x, the mask against the budget. */
function listComparisons() {
  const paper = keyOf({ kind: "dial", value: paperStrength });
  const masked = `${paper} top-p 0.8`;
  const dials = plan.settings.filter(({ kind, value, plausibility }) => {
    return kind === "dial" && value > 1 && plausibility === undefined;
  });
  const against = ["best dial", ...dials.map(keyOf)];
  return [
    [keyOf({ kind: "dial", value: 0 }), keyOf(pref)],
    ...["best dial", "best bounded", "bounded 0.2", paper, masked].map((after) => [keyOf(pref), after]),
    ...against.flatMap((before) => ["best bounded", "bounded 0.2"].map((after) => [before, after])),
    ["best bounded", masked],
    // The default beside the half of it.
    ["bounded 0.1", "bounded 0.2"],
  ];
}

/** `after − before`, over all preferences and for each, with Holm's correction over those. */
function compare(before, after) {
  const preferences = plan.config.preferences.map((one) => one.name);
  const measures = ["preference", "relevance", "fluency"];
  const differences = (measure, preference) => differencesOf(before, after, measure, preference);
  const all = Object.fromEntries(measures.map((measure) => [measure, test(differences(measure))]));
  const each = preferences.map((preference) => test(differences("preference", preference)));
  const adjusted = holm(each.map(({ p }) => p));
  const byPreference = Object.fromEntries(
    preferences.map((preference, i) => [preference, { ...each[i], adjusted: adjusted[i] }]),
  );
  return { before, after, all, byPreference };
}

function differencesOf(before, after, measure, preference) {
  const others = new Map(table.get(before).map((cell) => [cell.pair, cell]));
  return table
    .get(after)
    .filter(({ pair }) => preference === undefined || plan.pairs[pair].preferenceName === preference)
    .map(({ pair, scores }) => ({ pair, value: scores[measure] - others.get(pair).scores[measure] }));
}

function test(differences) {
  const values = differences.map(({ value }) => value);
  const clusters = differences.map(({ pair }) => questionOf(pair));
  return { difference: bootstrapClusters(values, clusters), p: signFlipTest(values, clusters) };
}

function listScores() {
  const head = ["question", "asks", "setting", ...scorer.names, "drift", "tokens", "end"];
  const rows = judged.map(({ cell, pair }) => [
    pair.questionId,
    pair.preferenceName,
    cell.setting,
    ...scorer.names.map((one) => rounded("", cell.scores[one])),
    rounded("", cell.drift),
    cell.tokens,
    cell.finishReason,
  ]);
  return [head, ...rows].map((row) => `${row.join(",")}\n`).join("");
}

/** A line for each question under each preference, in the order of the scores. */
function listAnswers() {
  const lines = new Map();
  for (const { cell, pair, answer } of judged) {
    const line = lines.get(cell.pair) ?? {
      question: pair.questionId,
      asks: pair.preferenceName,
      answers: {},
    };
    lines.set(cell.pair, line);
    line.answers[cell.setting] = answer.text;
  }
  return [...lines.values()].map((line) => `${JSON.stringify(line)}\n`).join("");
}

function rounded(_, value) {
  return typeof value === "number" ? Number(value.toPrecision(4)) : value;
}
