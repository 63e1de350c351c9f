/** The studies' curves. */
import * as Plot from "@observablehq/plot";
import { effect, signal } from "@preact/signals-core";
import { type CurveName, curveNames, firstState, type StudyName, studyNames } from "../../src/state.js";
import type { Measure } from "../../src/study.js";
import { make, makeSection, plotSilently } from "../dom.js";
import { change } from "../store.js";
import { texts } from "../texts.js";
import { drawBehind } from "./behind.js";
import { embeddedStudy, failure } from "./data.js";
import { point, points, shownCurve, shownName, shownPoint, study } from "./shown.js";

const colors: Readonly<Record<Measure, string>> = {
  preference: "var(--policy)",
  grammaticality: "var(--pref)",
  fluency: "var(--pref)",
  relevance: "var(--base)",
  words: "var(--base)",
};

export function drawStudy(): HTMLElement {
  return makeSection(
    "study",
    texts.study.title,
    make("p", { class: "faint" }, () =>
      shownName.value === "embedded" ? texts.study.means : texts.study.meansReal(study.value),
    ),
    make("div", { class: "row" }, drawStudyChoice(), drawCurveChoice(), drawPointDial()),
    drawPlot(),
    make("p", { class: "faint legend" }, ...drawLegend()),
    make("p", { class: "failed", role: "alert" }, () => failure.value),
    drawBehind(),
  );
}

function drawStudyChoice(): HTMLElement {
  const options = studyNames.map((value) => make("option", { value }, texts.study.models[value]));
  const select = make("select", { id: "study-of" }, ...options);
  effect(() => {
    select.value = shownName.value;
  });
  select.addEventListener("change", () =>
    change({ study: select.value as StudyName, point: -1, pair: firstState.pair }),
  );
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
  const select = make("select", { id: "study-curve" }, ...options);
  effect(() => {
    select.value = shownCurve.value;
  });
  select.addEventListener("change", () => change({ curve: select.value as CurveName, point: -1 }));
  return make("span", {}, make("label", { for: "study-curve" }, `${texts.study.curve} `), select);
}

function drawPointDial(): HTMLElement {
  const slider = make("input", { type: "range", min: "0", step: "1", id: "point" });
  effect(() => {
    slider.max = String(points.value.length - 1);
    slider.value = String(Math.max(0, shownPoint.value));
    slider.setAttribute(
      "aria-valuetext",
      point.value ? texts.study.at(shownCurve.value, point.value.value) : texts.study.none,
    );
  });
  slider.addEventListener("input", () => change({ point: slider.valueAsNumber }));
  return make("span", { class: "grow" }, make("label", { for: "point" }, `${texts.study.point} `), slider);
}

/** A phone's width has room for a figure of its own, not for a wide one made small. */
const narrow = matchMedia("(max-width: 46rem)");
const isNarrow = signal(narrow.matches);
narrow.addEventListener("change", () => {
  isNarrow.value = narrow.matches;
});

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
    // A curve of one point.
    const alone = { ticks: [rows[0]?.at], tickFormat: texts.two };
    const lines = { ...by, y: "mean", strokeWidth: 2 } as const;
    const chart = plotSilently({
      ...{ width: isNarrow.value ? 380 : 860, height: 320, grid: true, marginLeft: 40, marginBottom: 36 },
      x: { label: `${texts.study.axis[shownCurve.value]} →`, ...(rows.length === measures.length && alone) },
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
