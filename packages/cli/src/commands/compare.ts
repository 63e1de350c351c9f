/** `amulet compare`: what a preference changes, method by method, in one batch. */
import { answerPrompts } from "@amulet-ts/core";
import { readAnswerOptions, withProgress } from "../answer-options.js";
import type { Invocation } from "../command.js";
import { formatHeader } from "../compare-header.js";
import { chooseView } from "../compare-views.js";
import { Comparison } from "../comparison.js";
import { type ComparedMethod, comparedMethods, readBudget } from "../methods.js";
import { type OpenModel, openModel } from "../open-model.js";
import { breathe, formatNumber, writeJson, writeLines, writeNote } from "../output.js";
import {
  type Asked,
  countTokens,
  describePreferences,
  type ReadPrompts,
  readAsked,
  renderPrompts,
} from "../prompts.js";
import { colorsFor, isLively } from "../terminal/colors.js";
import { Stopwatch } from "../timing.js";

/** What the whole run knows. */
interface Run extends Pick<Invocation, "values" | "io"> {
  readonly asked: Asked;
  readonly opened: OpenModel;
  readonly read: ReadPrompts;
  readonly stopwatch: Stopwatch;
  readonly comparison: Comparison;
}

export async function run(invocation: Invocation): Promise<void> {
  const { values, io } = invocation;
  const methods = comparedMethods(values);
  const options = withProgress(readAnswerOptions(values), io);
  const asked = await readAsked(invocation, "both");
  const opened = await openModel(values, io);
  using model = opened.model;
  const read = renderPrompts(model, asked);
  writeNote(io, read.note);
  const stopwatch = new Stopwatch(opened.loadMs);
  const comparison = new Comparison(methods, stopwatch, colorsFor(io.stdout, io.environment));
  const whole: Run = { values, asked, opened, read, stopwatch, comparison, io };
  const pieces = answerPrompts(
    model,
    read.prompts,
    methods.map(({ method }) => method),
    options,
  );
  if (values.json) {
    for await (const piece of pieces) {
      comparison.add(piece);
      await breathe();
    }
    return writeJson(io, describe(whole));
  }
  const facts = { values, asked, opened, prompts: read.prompts, scale: scaleOfAmulet(methods) };
  writeLines(io, [...formatHeader(facts, io), ""]);
  const view = chooseView(comparison, options.maxNewTokens ?? 128, io);
  try {
    for await (const piece of pieces) {
      comparison.add(piece);
      // First, so that a window made narrower meanwhile is known.
      await breathe();
      view.update();
    }
  } finally {
    view.finish();
  }
  writeLines(io, formatClosing(whole));
}

function scaleOfAmulet(methods: readonly ComparedMethod[]): number {
  return methods.find(({ method }) => method.name === "amulet")!.method.guidanceScale!;
}

function formatClosing({ read, stopwatch, io }: Run): string[] {
  const { dim, green } = colorsFor(io.stdout, io.environment);
  const { newTokens, tokensPerSecond, loadMs, prefillMs } = stopwatch.timing;
  const { base, preference } = countTokens(read);
  const facts = [
    `${base} + ${preference} prompt tokens in ${seconds(prefillMs)}`,
    `${newTokens} new tokens, ${formatNumber(tokensPerSecond)} a second in all`,
    `loaded in ${seconds(loadMs)}`,
  ];
  const legend = isLively(io.stdout, io.environment)
    ? [`${green("green")}: words that base's answer does not have`]
    : [];
  return [...legend, dim(facts.join(" · "))];
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}

function describe({ asked, values, opened, read, comparison, stopwatch }: Run) {
  return {
    answers: comparison.entries.map(({ method, answer }, index) => ({
      method: method.name,
      guidanceScale: method.guidanceScale ?? null,
      ...(method.name === "bounded" && { klBudget: readBudget(values) }),
      ...answer!,
      tokensPerSecond: stopwatch.tokensPerSecond(index),
    })),
    ...describePreferences(asked),
    promptTokens: countTokens(read),
    model: opened.model.name,
    backend: opened.backend.name,
    timing: stopwatch.timing,
  };
}
