/** `--explain` for people: the answer coloured by what the preference changed, and a row for each token. */
import type { Explanation } from "@amulet-ts/core";
import type { Colors } from "picocolors/types.js";
import type { Io } from "../../io.js";
import { colorsFor, showsColors } from "../../terminal/colors.js";
import { formatNumber } from "../../terminal/output.js";
import { printable, quoted } from "../../terminal/printable.js";
import { layOutTable } from "../../terminal/table.js";

/** The first heat whose bound |Δ| is below, in nats: a factor of 1.65, 7.4, 150 and more between the prompts. */
const heats = [
  { below: 0.5, name: "|Δ| < 0.5", more: "dim", less: "dim" },
  { below: 2, name: "0.5 to 2", more: "yellow", less: "cyan" },
  { below: 5, name: "2 to 5", more: "red", less: "blue" },
  { below: Number.POSITIVE_INFINITY, name: "5 and more", more: "bgRed", less: "bgBlue" },
] as const;

/** @param texts the text of each token */
export function formatExplanations(
  explanations: readonly Explanation[],
  texts: readonly string[],
  io: Io,
): string[] {
  const table = formatTable(explanations, texts);
  if (!showsColors(io.stdout, io.environment)) return table;
  const colors = colorsFor(io.stdout, io.environment);
  const text = explanations.map(({ delta }, i) => colorByHeat(texts[i]!, delta, colors)).join("");
  return [...text.split("\n"), "", ...formatLegend(colors), "", ...table];
}

function colorByHeat(text: string, delta: number, colors: Colors): string {
  const heat = heats.find(({ below }) => Math.abs(delta) < below) ?? heats[0];
  const paint = colors[delta >= 0 ? heat.more : heat.less];
  // Line by line, so that no colour runs over the end of a line.
  return printable(text)
    .split("\n")
    .map((line) => (line === "" ? "" : paint(line)))
    .join("\n");
}

function formatLegend(colors: Colors): string[] {
  const row = (key: "more" | "less") => heats.map((heat) => colors[heat[key]](heat.name)).join("  ");
  return [
    `the preference makes a token more likely  ${row("more")}`,
    `                              less likely  ${row("less")}   (Δ in nats)`,
  ];
}

function formatTable(explanations: readonly Explanation[], texts: readonly string[]): string[] {
  const isPartial = explanations.some(({ seen }) => seen);
  const head = ["token", "base", "pref", "final", "Δ", "rank", "x", "KL base", "KL pref"];
  const rows = explanations.map((explanation, i) => [
    quoted(texts[i]!),
    mark(explanation.isBaseBound, formatProbability(explanation.baseProbability)),
    mark(explanation.isPreferenceBound, formatProbability(explanation.preferenceProbability)),
    formatProbability(explanation.probability),
    formatSigned(explanation.delta),
    `${explanation.baseRank} → ${explanation.rank}`,
    explanation.guidanceScale === undefined ? "–" : explanation.guidanceScale.toFixed(3),
    explanation.klFromBase.toFixed(4),
    explanation.klFromPreference.toFixed(4),
    ...(isPartial ? [formatSeen(explanation)] : []),
  ]);
  return layOutTable([[...head, ...(isPartial ? ["seen"] : [])], ...rows], [1, 2, 3, 4, 5, 6, 7, 8, 9]);
}

/** What a server did not tell is this or less. */
function mark(isBound: true | undefined, probability: string): string {
  return isBound ? `≤ ${probability}` : probability;
}

/** How much a server gave of the policy of which it gave less. */
function formatSeen({ seen }: Explanation): string {
  return seen ? formatProbability(Math.min(seen.base, seen.preference)) : "100 %";
}

/** A probability in percent, four digits at most. */
export function formatProbability(probability: number): string {
  if (probability > 0 && probability < 1e-5) return "< 0.001 %";
  return `${formatNumber(100 * probability)} %`;
}

export function formatSigned(value: number): string {
  return `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(2)}`;
}
