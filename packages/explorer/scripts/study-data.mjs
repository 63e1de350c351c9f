/** What docs/study/real says of SmolLM2, without what no figure of the page shows: curves, and the scores of each answer. */
import { readFileSync } from "node:fs";
import { parse } from "yaml";

const folder = new URL("../../../docs/study/real/", import.meta.url);
const read = (name) => readFileSync(new URL(name, folder), "utf8");

const measures = ["preference", "fluency", "relevance"];
const kinds = { strength: "dial", budget: "bounded" };
const round = (value) => Number(Number(value).toFixed(4));

export function readRealStudy() {
  const { summary } = JSON.parse(read("smollm2.json"));
  const [head, ...lines] = read("smollm2.csv").trim().split("\n");
  const names = head.split(",");
  const rows = lines.map((line) => Object.fromEntries(line.split(",").map((value, i) => [names[i], value])));
  const questions = new Map(
    read("questions.jsonl")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line))
      .map(({ id, question }) => [id, question]),
  );
  const { preferences } = parse(read("study.yaml"));
  const pairs = [...new Set(rows.map(({ question, asks }) => `${question}\n${asks}`))];
  const [all] = summary.groups;
  const curves = Object.entries(kinds).map(([curve, kind]) => {
    const own = all.settings.filter(
      ({ setting }) => setting.kind === kind && setting.plausibility === undefined,
    );
    const points = own.map((setting) => pointOf(setting, rows, pairs));
    return [curve, points.sort((one, other) => one.value - other.value)];
  });
  return {
    model: summary.source.model,
    questions: summary.questions,
    maxNewTokens: summary.maxNewTokens,
    pairs: pairs.map((pair) => {
      const [question, asks] = pair.split("\n");
      return {
        question: questions.get(question),
        preference: preferences.find(({ name }) => name === asks).text,
      };
    }),
    curves: Object.fromEntries(curves),
  };
}

/** @returns the point's means with their intervals, and for each pair its scores and how many tokens it had */
function pointOf({ key, setting, summary }, rows, pairs) {
  const own = new Map(
    rows.filter((row) => row.setting === key).map((row) => [`${row.question}\n${row.asks}`, row]),
  );
  const means = [...measures, "drift"].map((measure) => {
    const { mean, low, high } = summary[measure];
    return [measure, [mean, low, high].map(round)];
  });
  const answers = pairs.map((pair) => {
    const row = own.get(pair);
    return row ? [...measures, "drift", "tokens"].map((name) => round(row[name])) : null;
  });
  return { value: setting.value, ...Object.fromEntries(means), answers };
}
