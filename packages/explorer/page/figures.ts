/** The curve of x over T, the lines of equal x, and the plane of log-probabilities. */
import { guidanceTrajectory } from "@amulet-ts/core";
import * as Plot from "@observablehq/plot";
import { computed, effect } from "@preact/signals-core";
import { bestToken } from "../src/policy.js";
import { linesOfSameStrength, mostAlpha } from "../src/same-strength.js";
import { largestX } from "../src/state.js";
import { draw, effectPerFrame, make, makeFigure, plotSilently } from "./dom.js";
import { candidates, change, dial, nameAt, place, policy_V, state, used } from "./store.js";
import { texts } from "./texts.js";
import { drawIterationsDial, drawStrengthDial } from "./token.js";

const mostIterations = 100;
const size = { width: 420, height: 300, marginLeft: 36, marginRight: 16, marginTop: 20, marginBottom: 34 };

type Chart = (SVGSVGElement | HTMLElement) & Plot.Plot;

function pictureIn(label: () => string): HTMLElement {
  return make("div", { class: "picture", role: "img", "aria-label": label });
}

const shownParameters = computed(() => state.value.parameters);
const trajectory = computed(() =>
  guidanceTrajectory({ ...shownParameters.value, iterations: mostIterations }).map((x, T) => ({
    T,
    x: Math.min(x, largestX + 1),
  })),
);

export function drawCurve(): HTMLElement {
  const picture = pictureIn(() => texts.curve.label(dial.value.x));
  const height = draw("path", { stroke: "var(--policy)", "stroke-dasharray": "5 4", "stroke-width": "1.5" });
  const stand = draw("circle", { r: "6", fill: "var(--policy)", stroke: "var(--paper)" });
  let chart: Chart | undefined;
  effect(() => {
    const { alpha, lambda } = shownParameters.value;
    const limit = alpha < lambda ? lambda / (lambda - alpha) : Number.POSITIVE_INFINITY;
    const marks = [
      Plot.line(trajectory.value, { x: "T", y: "x", stroke: "var(--pref)", strokeWidth: 2, clip: true }),
      ...(limit <= largestX ? [Plot.ruleY([limit], { stroke: "var(--faint)", strokeDasharray: "2 4" })] : []),
    ];
    const scales = { x: { label: "T →" }, y: { label: "↑ x", domain: [0, largestX] } };
    chart = plotSilently({ ...size, ...scales, marks, grid: true });
    chart.append(height, stand);
    picture.replaceChildren(chart);
  });
  effectPerFrame(() => {
    trajectory.value;
    const { x } = dial.value;
    const [across, up] = [chart!.scale("x")!, chart!.scale("y")!];
    const y = up.apply(Math.min(used.value, largestX));
    height.setAttribute("d", `M${across.apply(0)},${y}H${across.apply(mostIterations)}`);
    stand.toggleAttribute("hidden", state.value.dial !== "T" || x > largestX);
    stand.setAttribute("cx", String(across.apply(shownParameters.value.iterations)));
    stand.setAttribute("cy", String(up.apply(Math.min(x, largestX))));
  });
  const says = () => texts.curve.growth(shownParameters.value.alpha, shownParameters.value.lambda);
  return makeFigure(texts.curve.title, says, drawIterationsDial("T-curve"), picture);
}

const levels = [1.5, 2, 3, 4, 5.65, 8, 12];
const lambdaAndEta = computed(() => `${state.value.parameters.lambda} ${state.value.parameters.eta}`);
const sameLines = computed(() => {
  lambdaAndEta.value;
  return linesOfSameStrength(state.peek().parameters, levels, mostIterations);
});

export function drawSameStrength(): HTMLElement {
  const picture = pictureIn(() => texts.curve.sameLabel);
  let chart: Chart | undefined;
  const overlay = draw("circle", { r: "6", fill: "var(--policy)", stroke: "var(--paper)" });
  effect(() => {
    const lines = [...sameLines.value].flatMap(([x, points]) => points.map((point) => ({ ...point, x })));
    const ends = [...sameLines.value].flatMap(([x, points]) =>
      points.length > 0 ? [{ ...points.at(-1)!, x }] : [],
    );
    const at = { x: "iterations", y: "alpha" };
    const marks = [
      Plot.line(lines, { ...at, z: "x", stroke: "var(--pref)", strokeOpacity: 0.7 }),
      Plot.text(ends, {
        ...at,
        text: ({ x }) => `x = ${x}`,
        textAnchor: "start",
        dx: 5,
        fill: "currentColor",
      }),
    ];
    const scales = {
      x: {
        label: "T →",
        type: "log",
        domain: [1, mostIterations],
        ticks: [1, 3, 10, 30, 100],
        tickFormat: String,
      },
      y: { label: "↑ α", domain: [0, mostAlpha] },
    } as const;
    chart = plotSilently({ ...size, ...scales, marks, grid: true, marginRight: 56 });
    chart.append(overlay);
    picture.replaceChildren(chart);
    chart.addEventListener("click", (event) => chart && choose(chart, event as MouseEvent));
  });
  effectPerFrame(() => {
    sameLines.value;
    const { iterations, alpha } = state.value.parameters;
    overlay.toggleAttribute("hidden", state.value.dial !== "T" || iterations === 0);
    overlay.setAttribute("cx", String(chart!.scale("x")!.apply(Math.max(1, iterations))));
    overlay.setAttribute("cy", String(chart!.scale("y")!.apply(alpha)));
  });
  return makeFigure(texts.curve.same, texts.curve.sameMeans, picture);
}

/** The T and α at a point of the picture. */
function choose(chart: Chart, event: MouseEvent): void {
  const box = chart.getBoundingClientRect();
  const across = ((event.clientX - box.left) / box.width) * size.width;
  const down = ((event.clientY - box.top) / box.height) * size.height;
  const iterations = Math.round(chart.scale("x")!.invert!(across));
  const alpha = Math.round(20 * chart.scale("y")!.invert!(down)) / 20;
  if (iterations < 1 || iterations > mostIterations || alpha < 0 || alpha > mostAlpha) return;
  change({ dial: "T", parameters: { ...state.value.parameters, iterations, alpha } });
}

/** Tokens below this are all alike: impossible. */
const leastLog = -16;
const mostDots = 4000;
const planeHeight = size.width - 18;
const planeBox = {
  left: size.marginLeft,
  top: size.marginTop,
  right: size.width - size.marginRight,
  bottom: planeHeight - size.marginBottom,
};

export function drawPlane(): HTMLElement {
  const best = () => nameAt(bestToken(policy_V.value));
  const picture = pictureIn(() => texts.plane.label(best()));
  picture.classList.add("clipped");
  let chart: Chart | undefined;
  const arrow = draw("path", { stroke: "var(--policy)", "stroke-width": "2.5", fill: "none" });
  const line = draw("path", {
    stroke: "var(--policy)",
    "stroke-width": "1",
    "stroke-dasharray": "3 4",
    fill: "none",
    "clip-path": "url(#plane-area)",
  });
  const chosen = draw("circle", {
    r: "6",
    fill: "var(--policy)",
    stroke: "var(--paper)",
    "stroke-width": "1.5",
  });
  const name = draw("text", { fill: "currentColor", "font-weight": "600", "text-anchor": "end" });
  // The line ends where the plane does.
  const { left, top, right, bottom } = planeBox;
  const area = { x: left, y: top, width: right - left, height: bottom - top };
  const clip = draw(
    "clipPath",
    { id: "plane-area" },
    draw("rect", Object.fromEntries(Object.entries(area).map(([key, value]) => [key, String(value)]))),
  );
  effect(() => {
    chart = plotPlane();
    chart.append(clip, arrow, line, chosen, name);
    picture.replaceChildren(chart);
  });
  effectPerFrame(() => {
    const id = bestToken(policy_V.value);
    const { base, preference } = place.value;
    const toPoint = (across: number, up: number) =>
      [
        chart!.scale("x")!.apply(Math.max(leastLog, across)),
        chart!.scale("y")!.apply(Math.max(leastLog, up)),
      ] as const;
    const [cx, cy] = toPoint(base[id]!, preference[id]!);
    const norm = Math.hypot(1 - used.value, used.value);
    const [dx, dy] = [(1 - used.value) / norm, -used.value / norm];
    arrow.setAttribute("d", arrowPath(size.width / 2, size.height / 2 + 40, dx, dy));
    line.setAttribute("d", `M${cx - 400 * dy},${cy + 400 * dx}L${cx + 400 * dy},${cy - 400 * dx}`);
    chosen.setAttribute("cx", String(cx));
    chosen.setAttribute("cy", String(cy));
    name.textContent = nameAt(id);
    name.setAttribute("x", String(cx - 10));
    name.setAttribute("y", String(cy + 4));
  });
  return makeFigure(texts.plane.title, texts.plane.means, drawStrengthDial("x-plane"), picture);
}

function arrowPath(x: number, y: number, dx: number, dy: number): string {
  const [ex, ey] = [x + 70 * dx, y + 70 * dy];
  const side = (turn: number) => `M${ex},${ey}l${-9 * dx - turn * 5 * dy},${-9 * dy + turn * 5 * dx}`;
  return `M${x},${y}L${ex},${ey}${side(1)}${side(-1)}`;
}

/** What stays where it is while a dial turns. Both axes have one scale, so that a right angle is one. */
function plotPlane(): Chart {
  const { base, preference } = place.value;
  const ids = base.length <= mostDots ? [...Array(base.length).keys()] : likeliest(mostDots);
  const pointOf = (id: number) => ({
    id,
    base: Math.max(leastLog, base[id]!),
    pref: Math.max(leastLog, preference[id]!),
  });
  const at = { x: "base", y: "pref" };
  const front = candidates.value.map(pointOf);
  const diagonal = [leastLog, 0].map((log) => ({ base: log, pref: log }));
  const marks = [
    Plot.line(diagonal, { ...at, stroke: "currentColor", strokeOpacity: 0.5, strokeDasharray: "4 3" }),
    Plot.dot(ids.map(pointOf), { ...at, r: 1.8, fill: "var(--base)", fillOpacity: 0.55 }),
    Plot.dot(front, { ...at, r: 4, fill: "var(--pref)" }),
  ];
  return plotSilently({
    ...{ ...size, height: planeHeight, grid: true, marks, clip: true },
    x: { label: texts.plane.across, domain: [leastLog, 0.6] },
    y: { label: texts.plane.up, domain: [leastLog, 0.6] },
  });
}

function likeliest(count: number): number[] {
  const { base, preference } = place.value;
  const most = Array.from(base, (log, id) => Math.max(log, preference[id]!));
  return [...most.keys()].sort((one, other) => most[other]! - most[one]!).slice(0, count);
}
