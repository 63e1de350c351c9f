/** The methods and masks of other papers on the study's questions, as a table in Markdown: what docs/study.md shows. */
import {
  adaCadMethod,
  amuletMethod,
  boundedMethod,
  chooseGreedily,
  Decoder,
  guidanceMethod,
  linearAlignmentMethod,
  nwcadMethod,
  preferenceMethod,
  promptCdMethod,
  renderPrompts,
  withMinP,
  withPlausibility,
  withTopNSigma,
} from "@amulet-ts/core";
import { openEngine } from "@amulet-ts/engines";
import { choosePairs, judgeAnswer, preferenceSentenceOf } from "@amulet-ts/lab";

export const title = "other papers' methods on the embedded model";
/** It takes seven minutes and measures answers, not time. */
export const onlyWhenNamed = true;
const questions = 400;
const questionsAtOnce = 10;
const maxNewTokens = 144;

const methods = [
  ["the preference prompt alone", preferenceMethod()],
  ["x = 2", guidanceMethod(2)],
  ["bounded, 0.2 nats", boundedMethod(0.2)],
  ["AdaCAD", adaCadMethod()],
  ["AdaCAD, warm-up 0.3", adaCadMethod(0.3)],
  ["NWCAD", nwcadMethod()],
  ["NWCAD, falling back to x = 3", nwcadMethod(undefined, linearAlignmentMethod())],
  ["PromptCD, contrast 0.5, against the base prompt", promptCdMethod()],
  ["PromptCD, contrast 0.75", promptCdMethod(0.75)],
  ["Amulet, x = 5.65", amuletMethod()],
  ["… with top-p 0.8", withPlausibility(amuletMethod())],
  ["… with min-p 0.1", withMinP(amuletMethod(), 0.1)],
  ["… with top-1σ", withTopNSigma(amuletMethod(), 1)],
];

export async function run({ backend }) {
  const engine = await openEngine({ backend });
  const pairs = choosePairs(questions).reported;
  const scores = methods.map(() => []);
  for (let from = 0; from < pairs.length; from += questionsAtOnce) {
    const batch = pairs.slice(from, from + questionsAtOnce);
    for (const { pair, m, text } of await answerAll(engine.model, batch)) scores[m].push(judge(pair, text));
  }
  console.log("| method | preference | grammatical | on topic |\n| --- | --- | --- | --- |");
  for (const [m, [name]] of methods.entries()) {
    const means = [0, 1, 2].map((i) => scores[m].reduce((sum, row) => sum + row[i], 0) / pairs.length);
    console.log(`| ${name} | ${means.map((mean) => mean.toFixed(3)).join(" | ")} |`);
  }
  await engine.dispose();
}

/** Every method's greedy answer to every question. */
async function answerAll(model, pairs) {
  const decoder = new Decoder(model);
  const answers = [];
  for (const pair of pairs) {
    const prompts = renderPrompts(model, { ...pair, preference: preferenceSentenceOf(pair.preference) });
    for (const [m, [, method]] of methods.entries()) {
      decoder.join({ ...prompts, method, choose: chooseGreedily, maxNewTokens });
      answers.push({ pair, m, stream: model.textStream(), text: "" });
    }
  }
  while (!decoder.isIdle) {
    for (const { type, request, id } of await decoder.step()) {
      const answer = answers[request];
      answer.text += type === "token" ? answer.stream.push(id) : answer.stream.flush();
    }
  }
  await decoder.dispose();
  return answers;
}

function judge({ question, preference }, text) {
  const { grammaticality, relevance, preference: kept } = judgeAnswer(text, question, preference);
  return [kept.strength, grammaticality, relevance];
}
