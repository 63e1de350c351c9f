/** The figures of a study, as SVG. */

import { composeFigure, type Easel, inks, type Marks, openEasel } from "./panel.js";
import { paperStrength, strengthOfIterations } from "./settings.js";
import type { CurvePoint, Study } from "./study.js";
import type { Measure, SettingSummary } from "./summarise.js";

export interface Figure {
  /** Of its file, without the ending. */
  readonly name: string;
  readonly svg: string;
}

const titles: Record<Measure, string> = {
  preference: "preference score",
  grammaticality: "grammatical",
  relevance: "on topic",
  drift: "KL(π ‖ pref), nats per token",
};

/** Draws all figures. Loads the drawing libraries, which nothing else needs. */
export async function drawFigures(study: Study): Promise<Figure[]> {
  const easel = await openEasel();
  return [
    { name: "strength", svg: drawStrength(study, easel) },
    { name: "trade", svg: drawTrade(study, easel) },
  ];
}

/** The four measures against x. */
function drawStrength(study: Study, easel: Easel): string {
  const panels = (["preference", "drift", "grammaticality", "relevance"] as const).map((measure) =>
    drawMeasure(study, measure, easel),
  );
  return composeFigure("Preference score, drift, grammar and topic against strength", panels, 2);
}

function drawMeasure({ curves, chosen }: Study, measure: Measure, { Plot, draw }: Easel): string {
  const points = curves.strength;
  const best = chosen.dial?.value;
  const landmarks = [
    { x: 1, name: "pref" },
    { x: paperStrength, name: "the paper's" },
    ...(best === undefined || best === paperStrength ? [] : [{ x: best, name: "chosen" }]),
  ];
  const [low, high] = [(point: CurvePoint) => point[measure].low, (point: CurvePoint) => point[measure].high];
  const mean = (point: CurvePoint) => point[measure].mean;
  // Where the curve is not: it climbs on the right, and the others fall there.
  const place =
    measure === "drift"
      ? ({ frameAnchor: "top", dy: 8 } as const)
      : ({ frameAnchor: "bottom", dy: -6 } as const);
  const names = { ...place, dx: 3, textAnchor: "start", fill: inks.muted } as const;
  const marks: Marks = [
    Plot.axisX({ label: "strength x" }),
    Plot.axisX(tickedIterations.map(strengthOfIterations), {
      anchor: "top",
      label: "iterations T",
      tickFormat: (_: number, i: number) => String(tickedIterations[i]),
    }),
    Plot.ruleX(landmarks, { x: "x", stroke: inks.muted, strokeDasharray: "3 3" }),
    Plot.text(landmarks, { x: "x", text: "name", ...names }),
    Plot.areaY(points, { x: "at", y1: low, y2: high, fill: inks.dial, fillOpacity: 0.2 }),
    Plot.line(points, { x: "at", y: mean, stroke: inks.dial }),
    Plot.dot(points, { x: "at", y: mean, fill: inks.dial, r: 2 }),
  ];
  const y = measure === "drift" ? { zero: true } : { domain: [0, 1] };
  return draw({ marks, y: { grid: true, label: titles[measure], ...y } });
}

/** T where its axis has room for them. */
const tickedIterations = [0, 1, 2, 5, 10, 20, 60];

/** What preference costs, by three ways of asking for it. */
function drawTrade(study: Study, easel: Easel): string {
  const panels = (["drift", "grammaticality", "relevance"] as const).map((cost) =>
    drawCost(study, cost, easel),
  );
  return composeFigure("What a preference costs in drift, grammar and topic", [...panels, drawKey(easel)], 2);
}

type Way = "dial" | "bounded" | "masked";

/** The dial as far as the paper turns it: beyond, it loses on every measure. */
function waysOf({ curves }: Study): Record<Way, readonly SettingSummary[]> {
  const dial = curves.strength.filter(({ at }) => at >= 1 && at <= paperStrength);
  return { dial, bounded: curves.budget, masked: curves.maskedRatio };
}

/** Settings whose value stands beside their point. */
const labelled: Record<Way, readonly number[]> = {
  dial: [2, 3, 4, 5, paperStrength],
  bounded: [0.05, 0.2, 0.5, 1, 2],
  masked: [],
};

function drawCost(study: Study, cost: Measure, { Plot, draw }: Easel): string {
  const x = (point: SettingSummary) => point.preference.mean;
  const y = (point: SettingSummary) => point[cost].mean;
  const low = (measure: Measure) => (point: SettingSummary) => point[measure].low;
  const high = (measure: Measure) => (point: SettingSummary) => point[measure].high;
  const marks: Marks = Object.entries(waysOf(study)).flatMap(([way, points]) => {
    const stroke = inks[way as Way];
    const bars = { stroke, strokeOpacity: 0.35 };
    const named = points.filter(({ value }) => labelled[way as Way].includes(value));
    const below = way === "dial" ? 10 : -9;
    return [
      Plot.link(points, { x1: low("preference"), x2: high("preference"), y1: y, y2: y, ...bars }),
      Plot.link(points, { x1: x, x2: x, y1: low(cost), y2: high(cost), ...bars }),
      Plot.line(points, { x, y, stroke }),
      Plot.dot(points, { x, y, fill: stroke, r: 2.5 }),
      Plot.text(named, {
        x,
        y,
        text: ({ value }) => value.toPrecision(3).replace(/\.?0+$/, ""),
        dy: below,
        fill: stroke,
      }),
    ];
  });
  const domain = cost === "drift" ? {} : { domain: [0, 1] };
  return draw({ marks, y: { grid: true, label: titles[cost], ...domain }, x: { label: titles.preference } });
}

/** What the colours mean. */
function drawKey({ Plot, draw }: Easel): string {
  const texts = [
    { row: 0, ink: inks.dial, text: "one dial: x from 1 to 5.65" },
    { row: 1, ink: inks.bounded, text: "bounded amulet: 0 to 2 nats per token" },
    { row: 2, ink: inks.masked, text: "Linear Alignment with its mask: ratio 0 to 11" },
    { row: 4, ink: inks.muted, text: "bars: 95 % intervals over question–preference pairs" },
  ];
  const marks: Marks = [
    Plot.text(texts, {
      y: "row",
      text: "text",
      fill: "ink",
      frameAnchor: "left",
      textAnchor: "start",
      fontSize: 13,
    }),
  ];
  return draw({ marks, y: { axis: null, domain: [7, -1] }, color: { type: "identity" } });
}
