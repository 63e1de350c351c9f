/** How a study looks in a terminal: the dial's curves as characters, every setting in a table, what holds. */
import type { CurvePoint as CurvePointOf, Interval } from "@amulet-ts/eval";
import type { LabScore, Study } from "@amulet-ts/lab";
import type { Io } from "../../io.js";
import { colorsFor } from "../../terminal/colors.js";
import { formatNumber } from "../../terminal/output.js";
import { type Curve, plotCurves } from "../../terminal/plot.js";
import { layOutTable } from "../../terminal/table.js";

type CurvePoint = CurvePointOf<LabScore>;

const plotted = [
  { measure: "preference", mark: "●", name: "preference", paint: "green" },
  { measure: "grammaticality", mark: "○", name: "grammatical", paint: "cyan" },
  { measure: "relevance", mark: "·", name: "on topic", paint: "yellow" },
] as const;
const mostColumns = 70;
const plotHeight = 13;

export function formatStudy(study: Study, io: Io): string[] {
  const { bold, dim } = colorsFor(io.stdout, io.environment);
  const { reportedPairs, choosingPairs, temperature, seed } = study.run;
  const how = temperature === 0 ? "greedy" : `temperature ${temperature}, seed ${seed}`;
  return [
    bold("Strength x, 95 % intervals over pairs"),
    dim(`${reportedPairs} held-out pairs, and ${choosingPairs} more that choose the strength · ${how}`),
    "",
    ...formatPlot(study.curves.strength, io),
    "",
    ...formatTable(study),
    "",
    ...formatChoice(study),
    "",
    ...formatClaims(study, io),
  ];
}

function formatPlot(points: readonly CurvePoint[], io: Io): string[] {
  const colors = colorsFor(io.stdout, io.environment);
  const room = (io.stdout.isTTY ? (io.stdout.columns ?? 80) : 80) - 10;
  const width = Math.max(2, Math.min(mostColumns, room));
  const curves = plotted.map(
    ({ measure, mark }): Curve => ({ mark, values: resample(points, measure, width) }),
  );
  const paint = (mark: string, curve: number) => colors[plotted[curve]!.paint](mark);
  const legend = plotted.map(({ mark, name }, i) => `${paint(mark, i)} ${name}`).join("   ");
  const last = points.at(-1)!.at;
  return [
    ...plotCurves(curves, { width, height: plotHeight, last }, paint),
    `${" ".repeat(9)}${legend}   against x`,
  ];
}

/** The curve at equally spaced x, on straight lines between its points. */
function resample(
  points: readonly CurvePoint[],
  measure: (typeof plotted)[number]["measure"],
  count: number,
) {
  const last = points.at(-1)!.at;
  return Array.from({ length: count }, (_, column) => {
    const x = (column * last) / (count - 1);
    const above = Math.max(
      1,
      points.findIndex(({ at }) => at >= x - 1e-9),
    );
    const [left, right] = [points[above - 1]!, points[above]!];
    const share = (x - left.at) / (right.at - left.at);
    return left[measure].mean + share * (right[measure].mean - left[measure].mean);
  });
}

/** Every setting once. What T and Linear Alignment's ratio amount to is said beside the x. */
function formatTable({ curves }: Study): string[] {
  const head = ["setting", "", "preference", "", "grammatical", "on topic", "KL/token", "tokens"];
  const list = (
    name: string,
    points: readonly CurvePoint[],
    note: (point: CurvePoint) => string = () => "",
  ) => points.map((point) => [`${name} ${formatNumber(point.at)}`, note(point), ...formatPoint(point)]);
  const rows = [
    head,
    ...list("x", curves.strength, ({ at }) => otherNames(at, curves).join(", ")),
    ...list("T", curves.exact, () => "the loop"),
    ...list("KL ≤", curves.budget),
    ...list("la", curves.maskedRatio, () => "masked"),
  ];
  return layOutTable(rows, [2, 4, 5, 6, 7]);
}

function otherNames(x: number, { iterations, ratio }: Study["curves"]): string[] {
  const among = (name: string, points: readonly CurvePoint[]) =>
    points.filter(({ value }) => value === x).map(({ at }) => `${name} ${at}`);
  const own = x === 0 ? ["base"] : x === 1 ? ["pref"] : [];
  return [...own, ...among("T", iterations), ...among("la", ratio)];
}

function formatPoint({ preference, grammaticality, relevance, drift, tokens }: CurvePoint): string[] {
  return [
    preference.mean.toFixed(3),
    formatInterval(preference),
    grammaticality.mean.toFixed(3),
    relevance.mean.toFixed(3),
    drift.mean.toFixed(3),
    tokens.toFixed(1),
  ];
}

function formatInterval({ low, high }: Interval): string {
  return `[${low.toFixed(3)}, ${high.toFixed(3)}]`;
}

function formatChoice({ chosen, rule, comparisons }: Study): string[] {
  const names = { dial: "x", bounded: "KL ≤", masked: "la, masked," } as const;
  const lines = Object.entries(chosen).map(([way, best]) => {
    const name = names[way as keyof typeof names];
    return best ? `${name} ${formatNumber(best.value)}` : `${name}: none is fit`;
  });
  const differences = comparisons.map(({ before, after, difference: { preference } }) => {
    const step = `${before.kind} ${formatNumber(before.value)} → ${after.kind} ${formatNumber(after.value)}`;
    return [step, preference.mean.toFixed(3), formatInterval(preference)];
  });
  return [
    `Chosen on the other pairs: most preference with grammaticality ≥ ${rule.leastGrammaticality} and relevance ≥ pref's − ${rule.mostRelevanceLoss}: ${lines.join(" · ")}`,
    "",
    ...layOutTable([["paired difference", "preference", ""], ...differences], [1]),
  ];
}

function formatClaims({ claims, sameAnswers }: Study, io: Io): string[] {
  const { green, red } = colorsFor(io.stdout, io.environment);
  const same = sameAnswers.map(
    ({ iterations, share }) => `T = ${iterations}: ${formatNumber(100 * share)} %`,
  );
  return [
    ...claims.map(({ claim, holds }) => `${holds ? green("holds") : red("fails")}  ${claim}`),
    ...(same.length > 0 ? [`same answers by the published loop and by its x: ${same.join(", ")}`] : []),
  ];
}
