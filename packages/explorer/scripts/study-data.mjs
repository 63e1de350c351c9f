/** What docs/study/real says of a model, without what no figure of the page shows: its curves, and all that it answered. */
import { readFileSync } from "node:fs";
import { parse } from "yaml";

const folder = new URL("../../../docs/study/real/", import.meta.url);
const read = (name) => readFileSync(new URL(name, folder), "utf8");
const readLines = (name) =>
  read(name)
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));

/** As the page has them, and as the study. */
const measures = { preference: "preference", fluency: "fluency", words: "relevance" };
const round = (value) => Number(Number(value).toFixed(4));

/** @param name of a line in src/real-studies.json */
export function readRealStudy(name) {
  const { summary } = JSON.parse(read(`${name}.json`));
  const { settings } = summary.groups.find(({ preference }) => preference === null);
  return {
    study: {
      model: summary.source.model,
      questions: summary.questions,
      maxNewTokens: summary.maxNewTokens,
      measures: Object.keys(measures),
      curves: Object.fromEntries(
        Object.entries(curves).map(([curve, is]) => [curve, pointsOf(settings, is)]),
      ),
    },
    answers: readAnswers(name, settings),
  };
}

/** Which settings a curve has, and where it has them: Linear Alignment's ratio is x − 1. */
const curves = {
  strength: ({ kind, value, plausibility }) => (kind === "dial" && !plausibility ? value : undefined),
  budget: ({ kind, value }) => (kind === "bounded" ? value : undefined),
  masked: ({ kind, value, plausibility }) => (kind === "dial" && plausibility ? value - 1 : undefined),
};

function pointsOf(settings, valueIn) {
  const points = settings.flatMap(({ key, setting, summary }) => {
    const value = valueIn(setting);
    if (value === undefined) return [];
    const means = Object.entries({ ...measures, drift: "drift" }).map(([measure, theirs]) => {
      const { mean, low, high } = summary[theirs];
      return [measure, [mean, low, high].map(round)];
    });
    return [{ value, setting: key, ...Object.fromEntries(means) }];
  });
  return points.sort((one, other) => one.value - other.value);
}

function readAnswers(name, settings) {
  const questions = new Map(readLines("questions.jsonl").map(({ id, question }) => [id, question]));
  const preferences = new Map(parse(read("study.yaml")).preferences.map(({ name, text }) => [name, text]));
  const lines = readLines(`${name}-answers.jsonl`);
  const scores = readScores(`${name}.csv`);
  const answersOf = (key) =>
    lines.map(({ question, asks, answers }) => {
      const row = scores.get(`${question},${asks},${key}`);
      const own = Object.values(measures).map((measure) => round(row[measure]));
      return [answers[key], own, round(row.drift), Number(row.tokens), row.end === "length"];
    });
  return {
    pairs: lines.map(({ question, asks }) => ({
      question: questions.get(question),
      preference: preferences.get(asks),
    })),
    settings: Object.fromEntries(settings.map(({ key }) => [key, answersOf(key)])),
  };
}

/** Rows by question, preference and setting. */
function readScores(name) {
  const [head, ...lines] = read(name).trim().split("\n");
  const names = head.split(",");
  const rows = lines.map((line) => Object.fromEntries(line.split(",").map((value, i) => [names[i], value])));
  return new Map(rows.map((row) => [`${row.question},${row.asks},${row.setting}`, row]));
}
