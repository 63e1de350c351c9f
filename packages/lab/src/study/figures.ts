/** The figures of the study, as SVG. */
import {
  composeFigure,
  drawCurvePanel,
  drawKeyPanel,
  drawTradePanel,
  type Figure,
  type Landmark,
  openPlotter,
  type Plotter,
  paperStrength,
  type SettingSummary,
} from "@amulet-ts/eval";
import type { LabScore } from "../scores/scorer.js";
import type { Study } from "./conclude.js";
import type { Measure } from "./measures.js";

const labels: Record<Measure, string> = {
  preference: "preference score",
  grammaticality: "grammatical",
  relevance: "on topic",
  drift: "KL(π ‖ pref), nats per token",
};

/** Draws all figures. Loads the drawing libraries, which nothing else needs. */
export async function drawFigures(study: Study): Promise<Figure[]> {
  const plotter = await openPlotter();
  return [
    { name: "strength", svg: drawStrength(study, plotter) },
    { name: "trade", svg: drawTrade(study, plotter) },
  ];
}

/** The four measures against x. */
function drawStrength({ curves, chosen }: Study, plotter: Plotter): string {
  const landmarks = landmarksOf(chosen.dial?.value);
  const panels = (["preference", "drift", "grammaticality", "relevance"] as const).map((measure) =>
    drawCurvePanel(
      {
        points: curves.strength,
        measure,
        label: labels[measure],
        unlimited: measure === "drift",
        landmarks,
      },
      plotter,
    ),
  );
  return composeFigure("Preference score, drift, grammar and topic against strength", panels, 2);
}

function landmarksOf(best: number | undefined): Landmark[] {
  return [
    { x: 1, name: "pref" },
    { x: paperStrength, name: "the paper's" },
    ...(best === undefined || best === paperStrength ? [] : [{ x: best, name: "chosen" }]),
  ];
}

/** What preference costs, by three ways of asking for it. */
function drawTrade(study: Study, plotter: Plotter): string {
  const lines = linesOf(study);
  const panels = (["drift", "grammaticality", "relevance"] as const).map((cost) =>
    drawTradePanel({ lines, gain: "preference", cost, labels, unlimited: cost === "drift" }, plotter),
  );
  return composeFigure(
    "What a preference costs in drift, grammar and topic",
    [...panels, drawKeyPanel(key, plotter)],
    2,
  );
}

/** The dial as far as the paper turns it: beyond, it loses on every measure. */
function linesOf({ curves }: Study) {
  const dial: readonly SettingSummary<LabScore>[] = curves.strength.filter(
    ({ at }) => at >= 1 && at <= paperStrength,
  );
  return [
    { ink: "dial", points: dial, labelled: [2, 3, 4, 5, paperStrength], labels: "below" },
    { ink: "bounded", points: curves.budget, labelled: [0.05, 0.2, 0.5, 1, 2], labels: "above" },
    { ink: "masked", points: curves.maskedRatio, labelled: [], labels: "above" },
  ] as const;
}

const key = [
  { row: 0, ink: "dial", text: "one dial: x from 1 to 5.65" },
  { row: 1, ink: "bounded", text: "bounded amulet: 0 to 2 nats per token" },
  { row: 2, ink: "masked", text: "Linear Alignment with its mask: ratio 0 to 11" },
  { row: 4, ink: "muted", text: "bars: 95 % intervals over question–preference pairs" },
] as const;
