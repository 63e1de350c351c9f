/** What a preference costs on a real model, as a figure. */
import { composeFigure, drawKeyPanel, drawTradePanel, openPlotter } from "@amulet-ts/eval";

const labels = {
  preference: "preference score",
  relevance: "the question's words",
  fluency: "fluency",
  drift: "KL(π ‖ pref), nats per token",
};

/** @param summary of a run, whose first group is all preferences */
export async function drawRealStudy({ groups }) {
  const plotter = await openPlotter();
  const all = groups[0].settings.map(({ summary, setting }) => ({ ...summary, ...setting }));
  const ofKind = (kind) =>
    all
      .filter((one) => one.kind === kind && one.plausibility === undefined)
      .sort((a, b) => a.value - b.value);
  const pref = all.find((one) => one.kind === "dial" && one.value === 1 && one.plausibility === undefined);
  const bounded = ofKind("bounded");
  const dial = ofKind("dial").filter(({ value }) => value >= 1);
  const masked = all.filter(({ plausibility }) => plausibility !== undefined);
  const lines = [
    { ink: "dial", points: dial, labelled: dial.map(({ value }) => value), labels: "below" },
    {
      ink: "bounded",
      points: [pref, ...bounded],
      labelled: bounded.map(({ value }) => value),
      labels: "above",
    },
    { ink: "masked", points: masked, labelled: [], labels: "above" },
  ];
  const panels = ["relevance", "drift", "fluency"].map((cost) =>
    drawTradePanel({ lines, gain: "preference", cost, labels, unlimited: cost === "drift" }, plotter),
  );
  const key = [
    { row: 0, ink: "dial", text: "one dial: x from 1 to 5.65" },
    { row: 1, ink: "bounded", text: "bounded amulet: 0 to 2 nats per token" },
    { row: 2, ink: "masked", text: "x = 5.65 within the nucleus of 0.8" },
    { row: 4, ink: "muted", text: "bars: 95 % intervals over questions" },
  ];
  return composeFigure(
    "What a preference costs on a real model: words of the question, drift, fluency",
    [...panels, drawKeyPanel(key, plotter)],
    2,
  );
}
