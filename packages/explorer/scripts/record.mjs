/**
 * Writes src/recorded.json, which the page shows before its model is there: the first question's three answers, and both
 * prompts' log-policies at two places, the first one and the one that the preference prompt finds least probable. And
 * src/study.json: the curves of docs/study, without what no figure shows.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { generate, guidanceMethod } from "@amulet-ts/core";
import { openEngine } from "@amulet-ts/engines";
import { heldOutPairs, preferenceNames, preferenceSentenceOf } from "@amulet-ts/lab";
import { firstState, settingsOf } from "../dist/state.js";

const { question, preference } = firstState;
const { model } = await openEngine({ backend: "cpu" });

const write = (name, value) =>
  writeFileSync(new URL(`../src/${name}.json`, import.meta.url), `${JSON.stringify(value)}\n`);
const round = (values) => Array.from(values, (value) => Number(value.toFixed(3)));

async function answer({ x }) {
  const tokens = [];
  const options = { question, preference, method: guidanceMethod(x), reportRows: true };
  for await (const { id, rows } of generate(model, options))
    if (id !== undefined && !model.endTokens.has(id)) tokens.push({ id, rows });
  return tokens;
}

const answers = [];
for (const setting of settingsOf(firstState)) answers.push(await answer(setting));
const steered = answers.at(-1);
const unlikely = steered.map(({ id, rows }) => rows.logPreference_V[id]);
const places = [0, unlikely.indexOf(Math.min(...unlikely))];
const pieces = Array.from({ length: model.vocabularySize }, (_, id) => model.tokenizer.decode([id]));
write("recorded", {
  pieces,
  answers: answers.map((tokens) => tokens.map(({ id }) => id)),
  places: places.map((place) => {
    const { logBase_V, logPreference_V } = steered[place].rows;
    return { place, base: round(logBase_V), preference: round(logPreference_V) };
  }),
});

const study = JSON.parse(readFileSync(new URL("../../../docs/study/curve.json", import.meta.url), "utf8"));
const measures = ["preference", "grammaticality", "relevance", "drift"];
const shorten = ({ mean, low, high }) => [mean, low, high].map((value) => Number(value.toFixed(4)));
const pointsOf = (curve) =>
  curve.map((point) => ({
    value: point.value,
    ...Object.fromEntries(measures.map((measure) => [measure, shorten(point[measure])])),
  }));
const { strength, budget, maskedRatio: masked } = study.curves;
const pairs = preferenceNames.map((name, number) =>
  heldOutPairs()
    .filter(({ preference }) => preference === name)
    .at(5 * number),
);
write("study", {
  pairs: pairs.map(({ question, preference }) => ({
    question,
    preference: preferenceSentenceOf(preference),
  })),
  curves: { strength: pointsOf(strength), budget: pointsOf(budget), masked: pointsOf(masked) },
});
console.log(
  `Answers of ${answers.map(({ length }) => length)} tokens; places ${places} of the last are kept.`,
);
