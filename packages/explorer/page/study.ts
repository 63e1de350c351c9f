/** The studies' curves, and the answers behind each point. */

import * as Plot from "@observablehq/plot";
import { computed, effect, signal } from "@preact/signals-core";
import type { Setting } from "../src/state.js";
import { type CurveName, curveNames, type StudyName, studyNames } from "../src/state.js";
import type { Study } from "../src/study.js";
import { make, makeButton, makeSection, plotSilently } from "./dom.js";
import { embeddedModel, engine } from "./engine.js";
import { change, state } from "./store.js";
import { embeddedStudy, fetchRealStudy, realStudy } from "./study-data.js";
import { texts } from "./texts.js";

const colors = {
  preference: "var(--policy)",
  grammaticality: "var(--pref)",
  fluency: "var(--pref)",
  relevance: "var(--base)",
};

/** What a point of a curve was answered with, in the terms of the dial; a mask is none of them. */
const settings: { readonly [Curve in CurveName]?: (value: number) => Setting } = {
  strength: (x) => ({ x, nats: Number.POSITIVE_INFINITY }),
  budget: (nats) => ({ x: 5.65, nats }),
};

const shownName = computed(() => state.value.study);
const study = computed((): Study | undefined =>
  shownName.value === "embedded" ? embeddedStudy : realStudy.value,
);
const shownCurve = computed((): CurveName => {
  const { curve } = state.value;
  return !study.value || study.value.curves[curve] ? curve : "strength";
});
const points = computed(() => study.value?.curves[shownCurve.value] ?? []);
const shownPoint = computed(() => Math.min(state.value.point, points.value.length - 1));
const point = computed(() => points.value[shownPoint.value]);
const pairNumber = signal(7);
const pair = computed(() => study.value?.pairs[Math.min(pairNumber.value, study.value.pairs.length - 1)]);

export function drawStudy(): HTMLElement {
  effect(() => {
    if (shownName.value === "smollm2") void fetchRealStudy();
  });
  return makeSection(
    "study",
    texts.study.title,
    make("p", { class: "faint" }, () => texts.study.means[shownName.value](study.value)),
    make("div", { class: "row" }, drawStudyChoice(), drawCurveChoice(), drawPointDial()),
    drawPlot(),
    make("p", { class: "faint legend" }, ...drawLegend()),
    drawPoint(),
  );
}

function drawStudyChoice(): HTMLElement {
  const options = studyNames.map((value) => make("option", { value }, texts.study.models[value]));
  const select = make("select", { id: "study-of" }, ...options);
  effect(() => {
    select.value = shownName.value;
  });
  select.addEventListener("change", () => change({ study: select.value as StudyName, point: -1 }));
  return make("span", {}, make("label", { for: "study-of" }, `${texts.study.model} `), select);
}

function drawLegend(): HTMLElement[] {
  return [0, 1, 2].map((i) => {
    const measure = () => (study.value ?? embeddedStudy).measures[i]!;
    const style = () => `--key: ${colors[measure()]}`;
    return make("span", { class: "key", style }, () => texts.study.measures[measure()]);
  });
}

function drawCurveChoice(): HTMLElement {
  const options = curveNames.map((value) =>
    make(
      "option",
      { value, hidden: () => (!study.value || study.value.curves[value] ? undefined : "") },
      texts.study.curves[value],
    ),
  );
  const select = make("select", { id: "curve" }, ...options);
  effect(() => {
    select.value = shownCurve.value;
  });
  select.addEventListener("change", () => change({ curve: select.value as CurveName, point: -1 }));
  return make("span", {}, make("label", { for: "curve" }, `${texts.study.curve} `), select);
}

function drawPointDial(): HTMLElement {
  const slider = make("input", { type: "range", min: "0", step: "1", id: "point" });
  effect(() => {
    slider.max = String(points.value.length - 1);
    slider.value = String(Math.max(0, shownPoint.value));
    slider.setAttribute("aria-valuetext", point.value ? atSays() : texts.study.none);
  });
  slider.addEventListener("input", () => change({ point: slider.valueAsNumber }));
  return make("span", { class: "grow" }, make("label", { for: "point" }, `${texts.study.point} `), slider);
}

const atSays = () => `${texts.study.axis[shownCurve.value]} = ${texts.two(point.value!.value)}`;

function drawPlot(): HTMLElement {
  const label = () => texts.study.label(texts.study.curves[shownCurve.value]);
  const picture = make("div", { class: "picture wide", role: "img", "aria-label": label });
  effect(() => {
    const { measures } = study.value ?? embeddedStudy;
    const rows = points.value.flatMap((one, index) =>
      measures.map((measure) => {
        const [mean, low, high] = one[measure]!;
        return { at: one.value, index, measure, mean: mean!, low: low!, high: high! };
      }),
    );
    const by = { x: "at", z: "measure" };
    const color = ({ measure }: (typeof rows)[number]) => colors[measure];
    const lines = { ...by, y: "mean", strokeWidth: 2 } as const;
    const chart = plotSilently({
      ...{ width: 860, height: 320, grid: true, marginLeft: 40 },
      x: { label: `${texts.study.axis[shownCurve.value]} →` },
      y: { label: null, domain: [0, 1] },
      marks: [
        ...measures.flatMap((measure) => {
          const own = rows.filter((row) => row.measure === measure);
          return [
            Plot.areaY(own, { ...by, y1: "low", y2: "high", fill: colors[measure], fillOpacity: 0.18 }),
            Plot.line(own, { ...lines, stroke: colors[measure] }),
          ];
        }),
        Plot.ruleX(point.value ? [point.value.value] : [], { stroke: "currentColor", strokeOpacity: 0.5 }),
        Plot.dot(rows, {
          x: "at",
          y: "mean",
          fill: color,
          r: ({ index }) => (index === shownPoint.value ? 7 : 4.5),
          className: "points",
        }),
      ],
    });
    for (const [i, dot] of chart.querySelectorAll(".points circle").entries())
      dot.addEventListener("click", () => change({ point: rows[i]!.index }));
    picture.replaceChildren(chart);
  });
  return picture;
}

function drawPoint(): HTMLElement {
  const select = make("select", { id: "pair" });
  effect(() => {
    const choices = (study.value?.pairs ?? []).map(({ question, preference }, i) =>
      make("option", { value: String(i) }, `${question} ${preference}`),
    );
    select.replaceChildren(...choices);
    select.value = String(Math.min(pairNumber.peek(), choices.length - 1));
  });
  select.addEventListener("change", () => {
    pairNumber.value = Number(select.value);
  });
  const says = () => {
    if (!point.value || !study.value) return texts.study.none;
    const parts = study.value.measures.map(
      (measure) => `${texts.study.measures[measure]} ${point.value![measure]![0]!.toFixed(2)}`,
    );
    return texts.study.pointSays(atSays(), [...parts, texts.study.drift(point.value.drift![0]!)]);
  };
  return make(
    "div",
    { class: "behind" },
    make("p", { role: "status" }, says),
    make("p", { class: "row" }, make("label", { for: "pair" }, texts.study.pair), select, drawAskHere()),
    drawBehind(),
  );
}

/** The question, the preference and the strength, put where any model can be asked. */
function drawAskHere(): HTMLElement {
  const setting = () => point.value && settings[shownCurve.value]?.(point.value.value);
  const put = () => {
    if (!pair.value) return;
    const { question, preference } = pair.value;
    change({ question, preference, dial: "x", ...setting() });
    document.querySelector("#ask")?.scrollIntoView();
  };
  return makeButton(texts.study.askHere, put, { disabled: () => (setting() ? undefined : "") });
}

/** The embedded model gives its answer here and now, greedily, as in the study; of the other one the scores are kept. */
function drawBehind(): HTMLElement {
  const text = make("p", { class: "text" });
  const scores = make("p", { class: "scores" });
  let controller = new AbortController();
  effect(() => {
    controller.abort();
    controller = new AbortController();
    text.textContent = scores.textContent = "";
    if (!point.value || !study.value || !pair.value) return;
    const kept = point.value.answers;
    if (kept) scores.textContent = texts.study.kept(kept[study.value.pairs.indexOf(pair.value)] ?? undefined);
    else if (!engine.value) text.textContent = texts.study.waiting;
    else
      void answerAgain(text, scores, controller.signal).catch(() => {
        // Another point was chosen.
      });
  });
  return make("div", { "aria-live": "polite" }, text, scores);
}

async function answerAgain(text: HTMLElement, scores: HTMLElement, signal: AbortSignal): Promise<void> {
  const { question, preference } = pair.peek()!;
  const { answerOnce } = await import("./study-answer.js");
  const said = await answerOnce(
    await embeddedModel(),
    { question, preference, curve: shownCurve.peek(), value: point.peek()!.value },
    (so) => {
      if (!signal.aborted) text.textContent = so;
    },
    signal,
  );
  const { scoresOf } = await import("./scores.js");
  if (!signal.aborted) scores.textContent = scoresOf(said, question, preference);
}
