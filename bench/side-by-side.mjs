/** Answers of four methods side by side, as Markdown: what docs/algorithm.md shows. */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import {
  amuletMethod,
  answerPrompts,
  baseMethod,
  boundedMethod,
  preferenceMethod,
  renderPrompts,
} from "@amulet-ts/core";
import { startModel } from "./measure.mjs";

export const title = "side by side";
/** It takes minutes and measures nothing. */
export const onlyWhenNamed = true;
const budget = 0.2;
const maxNewTokens = 40;
const preferences = ["Your answer should be concise.", "Your answer should be uplifting."];
const questionsPath = fileURLToPath(
  new URL("../../shared/fixtures/smollm2-135m-instruct/logits.json", import.meta.url),
);
const [labelWidth, textWidth] = [9, 100];

export async function run({ modelPath, backend }) {
  const missing = [modelPath, questionsPath].find((path) => !existsSync(path));
  if (missing) return console.log(`Skipped: ${missing} is not here.`);
  const { model } = await startModel(modelPath, backend);
  for (const { question } of JSON.parse(readFileSync(questionsPath, "utf8")).cases) {
    for (const preference of preferences) {
      const answers = await answer(model, { question, preference });
      console.log(formatCase(question, preference, answers));
    }
  }
  model.dispose();
}

async function answer(model, question) {
  const methods = [baseMethod(), preferenceMethod(), amuletMethod(), boundedMethod(budget)];
  const answers = methods.map(({ name }) => ({ name }));
  const options = { maxNewTokens, explain: { alternatives: 0 } };
  for await (const piece of answerPrompts(model, renderPrompts(model, question), methods, options)) {
    if (piece.answer) Object.assign(answers[piece.index], piece.answer);
  }
  return answers;
}

function formatCase(question, preference, answers) {
  const rows = answers.flatMap(({ name, text, finishReason }) =>
    label(name, `${text.trim()}${finishReason === "length" ? " …" : ""}`),
  );
  const heading = `### ${question} *${preference}*`;
  const lines = [heading, "", describeBounds(answers.at(-1)), "", "```text", ...rows, "```"];
  return `${lines.join("\n")}\n`;
}

/** The dial and the drift of bounded Amulet over the answer. */
function describeBounds({ explanations }) {
  const scales = explanations.map(({ guidanceScale }) => guidanceScale);
  const drifts = explanations.map(({ klFromPreference }) => klFromPreference);
  const mean = scales.reduce((sum, x) => sum + x, 0) / scales.length;
  const range = [Math.min(...scales), Math.max(...scales)].map((x) => x.toFixed(2)).join(" to ");
  return `Bounded: x from ${range}, ${mean.toFixed(2)} on average; largest KL ${Math.max(...drifts).toFixed(5)}.`;
}

/** The text beside its label, broken between words; line breaks of the model stay. */
function label(name, text) {
  const lines = text.split("\n").flatMap(wrap);
  return lines.map((line, row) => `${(row === 0 ? name : "").padEnd(labelWidth)}${line}`.trimEnd());
}

function wrap(line) {
  const rows = [""];
  for (const word of line.split(" ")) {
    const longer = rows.at(-1) === "" ? word : `${rows.at(-1)} ${word}`;
    if (longer.length <= textWidth) rows[rows.length - 1] = longer;
    else rows.push(word);
  }
  return rows;
}
