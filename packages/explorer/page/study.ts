/** The study's curves, and an answer behind each point. */

import type { MethodDescription } from "@amulet-ts/web";
import * as Plot from "@observablehq/plot";
import { computed, effect, signal } from "@preact/signals-core";
import { type CurveName, curveNames } from "../src/state.js";
import study from "../src/study.json" with { type: "json" };
import { make, makeSection, plotSilently } from "./dom.js";
import { answerOnce, engine, isEmbedded } from "./engine.js";
import { change, state } from "./store.js";
import { texts } from "./texts.js";

const measures = ["preference", "grammaticality", "relevance"] as const;
const colors = { preference: "var(--policy)", grammaticality: "var(--pref)", relevance: "var(--base)" };

/** What each point of a curve was answered with. */
const methods: { readonly [Curve in CurveName]: (value: number) => MethodDescription } = {
  strength: (x) => ({ name: "guidance", guidanceScale: x }),
  budget: (nats) => ({ name: "bounded", nats }),
  masked: (ratio) => ({ name: "la", ratio, plausibility: 0.8 }),
};

const shownCurve = computed(() => state.value.curve);
const shownPoint = computed(() => Math.min(state.value.point, study.curves[shownCurve.value].length - 1));
const point = computed(() => study.curves[shownCurve.value][shownPoint.value]);
const pairNumber = signal(7);

export function drawStudy(): HTMLElement {
  return makeSection(
    "study",
    texts.study.title,
    make("p", { class: "faint" }, texts.study.means),
    make("div", { class: "row" }, drawCurveChoice(), drawPointDial()),
    drawPlot(),
    make("p", { class: "faint legend" }, ...drawLegend()),
    drawPoint(),
  );
}

function drawLegend(): HTMLElement[] {
  return measures.map((measure) =>
    make("span", { class: "key", style: `--key: ${colors[measure]}` }, texts.study.measures[measure]),
  );
}

function drawCurveChoice(): HTMLElement {
  const options = curveNames.map((value) => make("option", { value }, texts.study.curves[value]));
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
    slider.max = String(study.curves[shownCurve.value].length - 1);
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
    const points = study.curves[shownCurve.value];
    const rows = points.flatMap((one, index) =>
      measures.map((measure) => {
        const [mean, low, high] = one[measure];
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
  const choices = study.pairs.map(({ question, preference }, i) =>
    make("option", { value: String(i) }, `${question} ${preference}`),
  );
  const select = make("select", { id: "pair" }, ...choices);
  select.value = String(pairNumber.value);
  select.addEventListener("change", () => {
    pairNumber.value = Number(select.value);
  });
  const says = () => {
    if (!point.value) return texts.study.none;
    const parts = measures.map(
      (measure) => `${texts.study.measures[measure]} ${point.value![measure][0]!.toFixed(2)}`,
    );
    return texts.study.pointSays(atSays(), [...parts, texts.study.drift(point.value.drift[0]!)]);
  };
  return make(
    "div",
    { class: "behind" },
    make("p", { role: "status" }, says),
    make("p", { class: "row" }, make("label", { for: "pair" }, texts.study.pair), select),
    drawBehind(),
  );
}

/** The answer is given here and now: greedily, as in the study. */
function drawBehind(): HTMLElement {
  const text = make("p", { class: "text" });
  const scores = make("p", { class: "scores" });
  let controller = new AbortController();
  effect(() => {
    controller.abort();
    controller = new AbortController();
    text.textContent = scores.textContent = "";
    const { question, preference } = study.pairs[pairNumber.value]!;
    if (!point.value) return;
    if (!engine.value || !isEmbedded.value) {
      text.textContent = texts.study.waiting;
      return;
    }
    const { signal } = controller;
    const method = methods[shownCurve.value](point.value.value);
    const tell = (said: string) => {
      text.textContent = said;
    };
    answerOnce(question, preference, method, tell, signal)
      .then(async () => {
        const { scoresOf } = await import("./scores.js");
        if (!signal.aborted) scores.textContent = scoresOf(text.textContent, question, preference);
      })
      .catch(() => {});
  });
  return make("div", { "aria-live": "polite" }, text, scores);
}
