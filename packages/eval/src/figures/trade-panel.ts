/** One measure against another, a line for each way of turning: what the one costs in the other. */
import type { Interval } from "../statistics/bootstrap.js";
import { type Marks, type Plotter, palette } from "./panel.js";

export interface TradeLine<Measure extends string> {
  readonly ink: keyof typeof palette;
  readonly points: readonly (Readonly<Record<Measure, Interval>> & { readonly value: number })[];
  /** Settings whose value stands beside their point, and where. */
  readonly labelled: readonly number[];
  readonly labels: "above" | "below";
}

export interface TradePanel<Measure extends string> {
  readonly lines: readonly TradeLine<Measure>[];
  readonly gain: Measure;
  readonly cost: Measure;
  readonly labels: Readonly<Record<Measure, string>>;
  /** A cost without limit, such as drift; the others lie between 0 and 1. */
  readonly unlimited?: boolean;
}

export function drawTradePanel<Measure extends string>(panel: TradePanel<Measure>, plotter: Plotter): string {
  const { lines, gain, cost, labels, unlimited = false } = panel;
  const domain = unlimited ? {} : { domain: [0, 1] };
  return plotter.draw({
    marks: lines.flatMap((line) => marksOf(line, gain, cost, plotter)),
    y: { grid: true, label: labels[cost], ...domain },
    x: { label: labels[gain] },
  });
}

function marksOf<Measure extends string>(
  { ink, points, labelled, labels }: TradeLine<Measure>,
  gain: Measure,
  cost: Measure,
  { Plot }: Plotter,
): Marks {
  type Point = (typeof points)[number];
  const [x, y] = [(point: Point) => point[gain].mean, (point: Point) => point[cost].mean];
  const low = (measure: Measure) => (point: Point) => point[measure].low;
  const high = (measure: Measure) => (point: Point) => point[measure].high;
  const stroke = palette[ink];
  const bars = { stroke, strokeOpacity: 0.35 };
  const named = points.filter(({ value }) => labelled.includes(value));
  return [
    Plot.link(points, { x1: low(gain), x2: high(gain), y1: y, y2: y, ...bars }),
    Plot.link(points, { x1: x, x2: x, y1: low(cost), y2: high(cost), ...bars }),
    Plot.line(points, { x, y, stroke }),
    Plot.dot(points, { x, y, fill: stroke, r: 2.5 }),
    Plot.text(named, {
      x,
      y,
      text: ({ value }) => value.toPrecision(3).replace(/\.?0+$/, ""),
      dy: labels === "below" ? 10 : -9,
      fill: stroke,
    }),
  ];
}
