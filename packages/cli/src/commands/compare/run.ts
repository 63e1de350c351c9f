/** `amulet compare`: what a preference changes, method by method, in one batch. */
import { type AnswerOptions, answerPrompts, type Engine, type Method } from "@amulet-ts/core";
import type { Judgement } from "@amulet-ts/lab";
import type { Invocation } from "../../command.js";
import { readAnswerOptions, withProgress } from "../../options/answering.js";
import { type ComparedMethod, comparedMethods, readBudget } from "../../options/methods.js";
import { openModel } from "../../options/model.js";
import {
  type Asked,
  countTokens,
  describePreferences,
  type ReadPrompts,
  renderPrompts,
} from "../../options/prompts.js";
import { defaultMaxNewTokens } from "../../options/shared.js";
import { colorsFor, showsColors } from "../../terminal/colors.js";
import { formatNumber, writeJson, writeLines, writeNote } from "../../terminal/output.js";
import { Stopwatch } from "../../timing.js";
import type { CompareValues } from "./command.js";
import { Comparison } from "./comparison.js";
import { formatModel, formatPrompts } from "./header.js";
import { openJudge } from "./judge.js";
import { readQuestions } from "./questions.js";
import { type CompareView, chooseView } from "./views.js";

/** What all questions of a run share. */
interface Run extends Pick<Invocation<CompareValues>, "values" | "io"> {
  readonly methods: readonly ComparedMethod[];
  readonly options: AnswerOptions;
  readonly engine: Engine;
}

/** One question, answered. */
interface Outcome {
  readonly asked: Asked;
  readonly read: ReadPrompts;
  readonly stopwatch: Stopwatch;
  readonly comparison: Comparison;
  readonly judge?: (answer: string) => Judgement;
}

export async function run(invocation: Invocation<CompareValues>): Promise<void> {
  const { values, io } = invocation;
  const all = comparedMethods(values);
  const options = withProgress(readAnswerOptions(values), io);
  const questions = await readQuestions(invocation);
  await using engine = await openModel(values, io);
  const methods = all.filter(({ method }) => canAnswer(engine, method));
  writeNote(io, noteOnMissing(engine, all, methods));
  const whole: Run = { values, io, methods, options, engine };
  if (!values.json) {
    writeLines(io, [...formatModel({ values, engine, scale: scaleOfAmulet(all) }, io), ""]);
  }
  const outcomes: Outcome[] = [];
  for (const asked of questions) outcomes.push(await compareOne(asked, whole));
  if (!values.json) return writeLines(io, formatClosing(outcomes, whole));
  const described = outcomes.map((outcome) => describe(outcome, whole));
  writeJson(io, described.length === 1 ? described[0] : { comparisons: described });
}

/** A server tells the most probable tokens, which are not enough for every method. */
function canAnswer({ model }: Engine, { needs = "whole" }: Method): boolean {
  return model.coverage === "whole" || needs !== "whole";
}

function noteOnMissing(
  { model }: Engine,
  all: readonly ComparedMethod[],
  shown: readonly ComparedMethod[],
): string | undefined {
  const missing = all.filter((one) => !shown.includes(one)).map(({ method }) => method.name);
  if (missing.length === 0) return undefined;
  return (
    `${model.name} is a server's and gives the most probable tokens: ${missing.join(" and ")} would need all of them, since ` +
    "any improbable one may win, and are left out."
  );
}

async function compareOne(asked: Asked, { values, io, methods, options, engine }: Run): Promise<Outcome> {
  const read = renderPrompts(engine.model, asked);
  writeNote(io, read.note);
  const stopwatch = new Stopwatch(engine.loadMs);
  const { judge, note } = openJudge(engine, asked);
  const comparison = new Comparison(methods, stopwatch, colorsFor(io.stdout, io.environment), judge);
  const view = values.json
    ? silentView
    : chooseView(comparison, options.maxNewTokens ?? defaultMaxNewTokens, io);
  if (!values.json) writeLines(io, [...formatPrompts({ asked, prompts: read.prompts, note }, io), ""]);
  const bare = methods.map(({ method }) => method);
  try {
    for await (const piece of answerPrompts(engine.model, read.prompts, bare, options)) {
      comparison.add(piece);
      view.update();
    }
  } finally {
    view.finish();
  }
  return { asked, read, stopwatch, comparison, ...(judge && { judge }) };
}

/** For JSON, which is written when all is known. */
const silentView: CompareView = { update() {}, finish() {} };

function scaleOfAmulet(methods: readonly ComparedMethod[]): number {
  return methods.find(({ method }) => method.name === "amulet")!.method.guidanceScale!;
}

function formatClosing(outcomes: readonly Outcome[], { engine, io }: Run): string[] {
  const { dim, green } = colorsFor(io.stdout, io.environment);
  const sum = (count: (outcome: Outcome) => number) => outcomes.reduce((total, one) => total + count(one), 0);
  const prefillMs = sum(({ stopwatch }) => stopwatch.timing.prefillMs);
  const decodeMs = sum(({ stopwatch }) => stopwatch.timing.decodeMs);
  const newTokens = sum(({ stopwatch }) => stopwatch.timing.newTokens);
  const facts = [
    `${sum(({ read }) => countTokens(read).base)} + ${sum(({ read }) => countTokens(read).preference)} prompt tokens in ${seconds(prefillMs)}`,
    `${newTokens} new tokens, ${formatNumber((1000 * newTokens) / decodeMs)} a second in all`,
    `loaded in ${seconds(engine.loadMs)}`,
  ];
  const legend = showsColors(io.stdout, io.environment)
    ? [`${green("green")}: words that base's answer does not have`]
    : [];
  return [...legend, dim(facts.join(" · "))];
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}

function describe({ asked, read, comparison, stopwatch, judge }: Outcome, { values, engine }: Run) {
  return {
    answers: comparison.entries.map(({ method, answer }, index) => ({
      method: method.name,
      guidanceScale: method.guidanceScale ?? null,
      ...(method.name === "bounded" && { klBudget: readBudget(values) }),
      ...answer!,
      ...(judge && { scores: scoresOf(judge(answer!.text)) }),
      tokensPerSecond: stopwatch.tokensPerSecond(index),
    })),
    ...(asked.kind === "question" && { question: asked.question.question }),
    ...describePreferences(asked),
    promptTokens: countTokens(read),
    model: engine.model.name,
    backend: engine.backend.name,
    timing: stopwatch.timing,
  };
}

/** What could not be scored is null. */
function scoresOf({ grammaticality, relevance, preference }: Judgement) {
  return { grammaticality, relevance: relevance ?? null, preference: preference?.strength ?? null };
}
