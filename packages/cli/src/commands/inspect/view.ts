/** An inspected position for people: the dial, the candidates, the iterations and a plot. */

import { type AmuletParameters, guidanceLimit, guidanceScale, type Inspection } from "@amulet-ts/core";
import type { Colors } from "picocolors/types.js";
import type { Io } from "../../io.js";
import { colorsFor } from "../../terminal/colors.js";
import { formatNumber } from "../../terminal/output.js";
import { plotCurves } from "../../terminal/plot.js";
import { printable, quoted } from "../../terminal/printable.js";
import { layOutTable } from "../../terminal/table.js";
import { formatProbability, formatSigned } from "../generate/explanation.js";

/** Candidates that the iterations and the plot show; all are in the first table. */
const plotted = 4;
const marks = "abcdefghijklmnopqrstuvwxyz";
const paints = ["green", "yellow", "magenta", "cyan"] as const;
const [plotWidth, plotHeight] = [61, 11];

/** @param text of a token */
export function formatInspection(
  inspection: Inspection,
  parameters: AmuletParameters,
  text: (id: number) => string,
  io: Io,
): string[] {
  const colors = colorsFor(io.stdout, io.environment);
  const { bold, dim } = colors;
  const { before, token } = inspection;
  return [
    `${dim("answer so far")}  ${before.length === 0 ? "(nothing)" : printable(before.map(text).join(""))}`,
    `${dim(`token ${before.length}`.padEnd(13))}  ${bold(quoted(text(token.id)))}`,
    "",
    ...formatDial(parameters),
    "",
    ...formatCandidates(inspection, text),
    "",
    ...formatIterations(inspection),
    "",
    ...plotCurves(curvesOf(inspection), plotSize(io), (mark, curve) => paintMark(mark, curve, colors)),
    dim(`${" ".repeat(9)}probability over iterations`),
  ];
}

function formatDial(parameters: AmuletParameters): string[] {
  const { iterations, alpha, lambda, eta } = parameters;
  const scale = guidanceScale(parameters);
  const limit = guidanceLimit(parameters);
  const onwards = Number.isFinite(limit) ? `tends to ${formatNumber(limit)}` : "has no limit (α ≥ λ)";
  return [
    `T = ${iterations}, α = ${alpha}, λ = ${lambda}, η = ${eta} → x = ${scale}, γ = ${formatNumber(scale - 1)}`,
    `As T grows, x ${onwards}.`,
  ];
}

function formatCandidates({ candidates }: Inspection, text: (id: number) => string): string[] {
  const head = ["", "candidate", "base", "pref", "final", "Δ", "ranks"];
  const rows = candidates.map((view, i) => [
    marks[i]!,
    quoted(text(view.id)),
    formatProbability(view.baseProbability),
    formatProbability(view.preferenceProbability),
    formatProbability(view.probability),
    formatSigned(view.delta),
    [view.baseRank, view.preferenceRank, view.rank].join(" → "),
  ]);
  return layOutTable([head, ...rows], [2, 3, 4, 5]);
}

function formatIterations({ trajectory, candidates }: Inspection): string[] {
  const letters = [...marks.slice(0, Math.min(plotted, candidates.length))];
  const head = ["t", "x", "KL base", "KL pref", ...letters];
  const rows = trajectory
    .filter(({ t }) => isShown(t, trajectory.length - 1))
    .map(({ t, guidanceScale: x, klFromBase, klFromPreference, probabilities }) => [
      String(t),
      x.toFixed(4),
      klFromBase.toFixed(4),
      klFromPreference.toFixed(4),
      ...letters.map((_, i) => formatProbability(probabilities[i]!)),
    ]);
  return layOutTable([head, ...rows], [...head.keys()]);
}

/** The dial turns fast at first: the iterations are shown ever further apart, and the last. */
function isShown(t: number, last: number): boolean {
  return t === last || [0, 1, 2, 3, 5].includes(t) || (t % 10 === 0 && (t <= 50 || t % 100 === 0));
}

function curvesOf({ trajectory, candidates }: Inspection) {
  return candidates.slice(0, plotted).map((_, i) => ({
    mark: marks[i]!,
    values: trajectory.map(({ probabilities }) => probabilities[i]!),
  }));
}

function plotSize({ stdout }: Io) {
  const room = (stdout.isTTY ? (stdout.columns ?? 80) : 80) - 10;
  return { width: Math.max(2, Math.min(plotWidth, room)), height: plotHeight };
}

function paintMark(mark: string, curve: number, colors: Colors): string {
  return colors[paints[curve]!](mark);
}
