/** `amulet compare`: what a preference changes, method by method, in one batch. */
import { answerPrompts, type Method, preferenceChats } from "@amulet-ts/core";
import type { Colors } from "picocolors/types.js";
import { readAnswerOptions, withProgress } from "../answer-options.js";
import type { Invocation } from "../command.js";
import { chooseView } from "../compare-views.js";
import { Comparison } from "../comparison.js";
import type { Io } from "../io.js";
import { comparedMethods, readParameters } from "../methods.js";
import { type OpenModel, openModel } from "../open-model.js";
import type { OptionValues } from "../options.js";
import { breathe, formatNumber, writeJson, writeLines, writeNote } from "../output.js";
import { type Asked, type ReadPrompts, readAsked, renderPrompts, showChat } from "../prompts.js";
import { colorsFor, isLively } from "../terminal/colors.js";
import { printable } from "../terminal/printable.js";
import { Stopwatch } from "../timing.js";

/** What the whole run knows. */
interface Run {
  readonly values: OptionValues;
  readonly asked: Asked;
  readonly methods: readonly Method[];
  readonly opened: OpenModel;
  readonly read: ReadPrompts;
  readonly stopwatch: Stopwatch;
  readonly comparison: Comparison;
  readonly io: Io;
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
  const whole: Run = { values, asked, methods, opened, read, stopwatch, comparison, io };
  const pieces = answerPrompts(model, read.prompts, methods, options);
  if (values.json) {
    for await (const piece of pieces) {
      comparison.add(piece);
      await breathe();
    }
    return writeJson(io, describe(whole));
  }
  writeLines(io, [...formatHeader(whole), ""]);
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

function formatHeader({ values, asked, opened, comparison, read, io }: Run): string[] {
  const colors = colorsFor(io.stdout, io.environment);
  const { model, backend } = opened;
  const size = `${formatNumber(model.parameterCount / 1e6)} million parameters`;
  const amulet = comparison.entries.at(-1)!.method.guidanceScale!;
  return [
    `${colors.bold(model.name)} · ${size} · ${backend.name} (${backend.description})`,
    ...formatPrompts(asked, read, colors),
    `${label("amulet", colors)}${formatSource(values)}x = ${formatNumber(amulet)}, γ = ${formatNumber(amulet - 1)}`,
  ];
}

function formatSource(values: OptionValues): string {
  if (values["guidance-scale"] !== undefined) return "";
  const { iterations, alpha, lambda, eta } = readParameters(values);
  return `T = ${iterations}, α = ${alpha}, λ = ${lambda}, η = ${formatNumber(eta)} → `;
}

const longestShownPrompt = 400;

/** Both prompts, the second with the part that the first lacks in colour. */
function formatPrompts(asked: Asked, { prompts }: ReadPrompts, colors: Colors): string[] {
  const names = { base: label("base", colors), preference: label("preference", colors) };
  if (asked.kind === "ids") {
    return [
      `${names.base}${prompts.base.length} token ids`,
      `${names.preference}${prompts.preference.length} token ids`,
    ];
  }
  const chats = preferenceChats(asked.question);
  const { preference } = asked.question;
  const shorten = (text: string) =>
    printable(text.length > longestShownPrompt ? `${text.slice(0, longestShownPrompt)} …` : text);
  const mark = (content: string) =>
    content.endsWith(preference)
      ? shorten(content.slice(0, -preference.length)) + colors.green(shorten(preference))
      : shorten(content);
  const indent = (text: string) => text.replaceAll("\n", `\n${" ".repeat(labelWidth)}`);
  return [
    names.base + indent(showChat(chats.base, shorten)),
    names.preference + indent(showChat(chats.preference, mark)),
  ];
}

const labelWidth = 12;

function label(name: string, colors: Colors): string {
  return colors.dim(name.padEnd(labelWidth));
}

function formatClosing({ read, stopwatch, io }: Run): string[] {
  const { dim, green } = colorsFor(io.stdout, io.environment);
  const { newTokens, tokensPerSecond, loadMs, prefillMs } = stopwatch.timing;
  const { base, preference } = read.prompts;
  const facts = [
    `${base.length} + ${preference.length} prompt tokens in ${seconds(prefillMs)}`,
    `${newTokens} new tokens, ${formatNumber(tokensPerSecond)} a second in all`,
    `loaded in ${seconds(loadMs)}`,
  ];
  const legend = isLively(io.stdout, io.environment)
    ? [`${green("green")}: words that base's answer has not`]
    : [];
  return [...legend, dim(facts.join(" · "))];
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}

function describe({ opened, read, comparison, stopwatch }: Run) {
  const { base, preference } = read.prompts;
  return {
    answers: comparison.entries.map(({ method, answer }, index) => ({
      method: method.name,
      guidanceScale: method.guidanceScale ?? null,
      ...answer!,
      tokensPerSecond: stopwatch.tokensPerSecond(index),
    })),
    promptTokens: { base: base.length, preference: preference.length },
    model: opened.model.name,
    backend: opened.backend.name,
    timing: stopwatch.timing,
  };
}
