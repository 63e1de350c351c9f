/** One measure against strength, as a band round its means. */
import { strengthOfIterations } from "../grid/settings.js";
import type { Interval } from "../statistics/bootstrap.js";
import { type Marks, type Plotter, palette } from "./panel.js";

/** A value of x that has a name. */
export interface Landmark {
  readonly x: number;
  readonly name: string;
}

export interface CurvePanel<Measure extends string> {
  /** Against x, ascending. */
  readonly points: readonly (Readonly<Record<Measure, Interval>> & { readonly at: number })[];
  readonly measure: Measure;
  readonly label: string;
  /** A measure without limit, such as drift, which climbs to the right; the others lie between 0 and 1. */
  readonly unlimited?: boolean;
  readonly landmarks: readonly Landmark[];
}

/** T where its axis has room for them. */
const tickedIterations = [0, 1, 2, 5, 10, 20, 60];

export function drawCurvePanel<Measure extends string>(panel: CurvePanel<Measure>, plotter: Plotter): string {
  const { points, measure, label, unlimited = false, landmarks } = panel;
  const { Plot, draw } = plotter;
  type Point = (typeof points)[number];
  const [low, high] = [(point: Point) => point[measure].low, (point: Point) => point[measure].high];
  const mean = (point: Point) => point[measure].mean;
  // Where the curve is not: it climbs on the right, and the others fall there.
  const place = unlimited
    ? ({ frameAnchor: "top", dy: 8 } as const)
    : ({ frameAnchor: "bottom", dy: -6 } as const);
  const names = { ...place, dx: 3, textAnchor: "start", fill: palette.muted } as const;
  const marks: Marks = [
    Plot.axisX({ label: "strength x" }),
    Plot.axisX(tickedIterations.map(strengthOfIterations), {
      anchor: "top",
      label: "iterations T",
      tickFormat: (_: number, i: number) => String(tickedIterations[i]),
    }),
    Plot.ruleX(landmarks, { x: "x", stroke: palette.muted, strokeDasharray: "3 3" }),
    Plot.text(landmarks, { x: "x", text: "name", ...names }),
    Plot.areaY(points, { x: "at", y1: low, y2: high, fill: palette.dial, fillOpacity: 0.2 }),
    Plot.line(points, { x: "at", y: mean, stroke: palette.dial }),
    Plot.dot(points, { x: "at", y: mean, fill: palette.dial, r: 2 }),
  ];
  return draw({ marks, y: { grid: true, label, ...(unlimited ? { zero: true } : { domain: [0, 1] }) } });
}
