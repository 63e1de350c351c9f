/** What `compare` says before the answers: model, prompts, strength. */
import type { Engine } from "@amulet-ts/core";
import type { Colors } from "picocolors/types.js";
import type { Io } from "../../io.js";
import { readBudget, readParameters } from "../../options/methods.js";
import { isEmbedded } from "../../options/model.js";
import {
  type Asked,
  type AskedQuestion,
  chatsWith,
  showChat,
  type TokenPrompts,
} from "../../options/prompts.js";
import { colorsFor } from "../../terminal/colors.js";
import { wrapText } from "../../terminal/columns.js";
import { formatCount, formatNumber } from "../../terminal/output.js";
import { printable } from "../../terminal/printable.js";
import type { CompareValues } from "./command.js";

export interface ModelFacts {
  readonly values: CompareValues;
  readonly engine: Engine;
  /** x of amulet. */
  readonly scale: number;
}

export interface PromptFacts {
  readonly asked: Asked;
  readonly prompts: TokenPrompts;
  /** What can't be scored. */
  readonly note?: string | undefined;
}

/** The prompts for people. */
interface Shown {
  readonly base: string;
  readonly preferences: readonly { readonly label: string; readonly text: string }[];
}

const labelWidth = 12;
const longestShownText = 240;

/** Which model, and how strong: the same for every question. */
export function formatModel({ values, engine, scale }: ModelFacts, io: Io): string[] {
  const colors = colorsFor(io.stdout, io.environment);
  const { model, backend, parameterCount } = engine;
  const size =
    parameterCount === undefined ? [] : [`${formatNumber(parameterCount / 1e6)} million parameters`];
  const width = widthOf(io);
  return [
    [
      colors.bold(isEmbedded(engine) ? "the embedded model" : model.name),
      ...size,
      `${backend.name} (${backend.description})`,
    ].join(" · "),
    ...labelled("amulet", describeStrength(values, scale), width, colors),
    ...labelled("bounded", describeBound(values, scale), width, colors),
  ];
}

/** The prompts of one question. */
export function formatPrompts({ asked, prompts, note }: PromptFacts, io: Io): string[] {
  const colors = colorsFor(io.stdout, io.environment);
  const shown = asked.kind === "ids" ? describeIds(prompts) : showPrompts(asked.question, colors);
  const width = widthOf(io);
  return [
    ...labelled("base", shown.base, width, colors),
    ...shown.preferences.flatMap(({ label, text }) => labelled(label, text, width, colors)),
    ...(note === undefined ? [] : labelled("not scored", note, width, colors)),
  ];
}

function widthOf({ stdout }: Io): number {
  return stdout.isTTY ? (stdout.columns ?? 80) : Number.POSITIVE_INFINITY;
}

/** A label, and the text beside it in a column of its own. */
function labelled(label: string, text: string, width: number, { dim }: Colors): string[] {
  const column = Math.max(1, width - labelWidth);
  const lines = Number.isFinite(column) ? wrapText(text, column) : text.split("\n");
  return lines.map(
    (line, row) => (row === 0 ? dim(label.padEnd(labelWidth)) : " ".repeat(labelWidth)) + line,
  );
}

function describeIds({ base, preferences }: TokenPrompts): Shown {
  return {
    base: formatCount(base.length, "token id"),
    preferences: preferences.map(({ tokens, weight }) => ({
      label: labelOf(weight),
      text: formatCount(tokens.length, "token id"),
    })),
  };
}

/** The weight stands in the label where it is not 1. */
function labelOf(weight: number): string {
  return weight === 1 ? "preference" : `pref × ${formatNumber(weight)}`;
}

/** All prompts, each preference with the part that the first lacks in colour. */
function showPrompts(question: AskedQuestion, colors: Colors): Shown {
  return {
    base: showChat(chatsWith(question, "").base, shorten),
    preferences: question.preferences.map(({ text, weight }) => ({
      label: labelOf(weight),
      text: showPreference(question, text, colors),
    })),
  };
}

function showPreference(question: AskedQuestion, preference: string, { green }: Colors): string {
  const mark = (content: string) => {
    if (!content.endsWith(preference)) return shorten(content);
    const before = content.slice(0, -preference.length).trimEnd();
    return [shorten(before), green(shorten(preference))].filter(Boolean).join(" ");
  };
  return showChat(chatsWith(question, preference).preference, mark);
}

function shorten(text: string): string {
  return printable(text.length > longestShownText ? `${text.slice(0, longestShownText).trimEnd()} …` : text);
}

function describeBound(values: CompareValues, scale: number): string {
  const most = formatNumber(Math.max(0, scale - 1));
  return `per token the largest γ up to ${most} with KL(π ‖ pref) ≤ ${formatNumber(readBudget(values))} nats`;
}

function describeStrength(values: CompareValues, scale: number): string {
  const result = `x = ${formatNumber(scale)}, γ = ${formatNumber(scale - 1)}`;
  if (values["guidance-scale"] !== undefined) return result;
  const { iterations, alpha, lambda, eta } = readParameters(values);
  return `T = ${iterations}, α = ${alpha}, λ = ${lambda}, η = ${formatNumber(eta)} → ${result}`;
}
