/** What `compare` says before the answers: model, prompts, strength. */
import { type PromptPair, preferenceChats, type Question } from "@amulet-ts/core";
import type { Colors } from "picocolors/types.js";
import type { Io } from "./io.js";
import { readParameters } from "./methods.js";
import type { OpenModel } from "./open-model.js";
import type { OptionValues } from "./options.js";
import { formatCount, formatNumber } from "./output.js";
import { type Asked, showChat } from "./prompts.js";
import { colorsFor } from "./terminal/colors.js";
import { wrapText } from "./terminal/columns.js";
import { printable } from "./terminal/printable.js";

export interface HeaderFacts {
  readonly values: OptionValues;
  readonly asked: Asked;
  readonly prompts: PromptPair;
  readonly opened: OpenModel;
  /** x of amulet. */
  readonly scale: number;
}

const labelWidth = 12;
const longestShownText = 240;

export function formatHeader({ values, asked, prompts, opened, scale }: HeaderFacts, io: Io): string[] {
  const colors = colorsFor(io.stdout, io.environment);
  const { model, backend } = opened;
  const size = `${formatNumber(model.parameterCount / 1e6)} million parameters`;
  const shown = asked.kind === "ids" ? describeIds(prompts) : showPrompts(asked.question, colors);
  const width = io.stdout.isTTY ? (io.stdout.columns ?? 80) : Number.POSITIVE_INFINITY;
  return [
    `${colors.bold(model.name)} · ${size} · ${backend.name} (${backend.description})`,
    ...labelled("base", shown.base, width, colors),
    ...labelled("preference", shown.preference, width, colors),
    ...labelled("amulet", describeStrength(values, scale), width, colors),
  ];
}

/** A label, and the text beside it in a column of its own. */
function labelled(label: string, text: string, width: number, { dim }: Colors): string[] {
  const column = Math.max(1, width - labelWidth);
  const lines = Number.isFinite(column) ? wrapText(text, column) : text.split("\n");
  return lines.map(
    (line, row) => (row === 0 ? dim(label.padEnd(labelWidth)) : " ".repeat(labelWidth)) + line,
  );
}

function describeIds({ base, preference }: PromptPair) {
  return {
    base: formatCount(base.length, "token id"),
    preference: formatCount(preference.length, "token id"),
  };
}

/** Both prompts, the second with the part that the first lacks in colour. */
function showPrompts(question: Question, { green }: Colors) {
  const chats = preferenceChats(question);
  const { preference } = question;
  const mark = (content: string) => {
    if (!content.endsWith(preference)) return shorten(content);
    const before = content.slice(0, -preference.length).trimEnd();
    return [shorten(before), green(shorten(preference))].filter(Boolean).join(" ");
  };
  return { base: showChat(chats.base, shorten), preference: showChat(chats.preference, mark) };
}

function shorten(text: string): string {
  return printable(text.length > longestShownText ? `${text.slice(0, longestShownText).trimEnd()} …` : text);
}

function describeStrength(values: OptionValues, scale: number): string {
  const result = `x = ${formatNumber(scale)}, γ = ${formatNumber(scale - 1)}`;
  if (values["guidance-scale"] !== undefined) return result;
  const { iterations, alpha, lambda, eta } = readParameters(values);
  return `T = ${iterations}, α = ${alpha}, λ = ${lambda}, η = ${formatNumber(eta)} → ${result}`;
}
