/** Three candidates and the rest: the path of x, the objective's level lines, and gradient ascent on demand. */
import { guidanceTrajectory } from "@amulet-ts/core";
import { computed, effect, signal } from "@preact/signals-core";
import { bestToken, tiltPolicy } from "../src/policy.js";
import { restId } from "../src/served.js";
import {
  ascend,
  lastStep,
  type Masses,
  massesOf,
  objective,
  oneStepTo,
  outline,
  type Point,
  viewFrom,
} from "../src/simplex.js";
import { largestX } from "../src/state.js";
import { draw, effectPerFrame, make, makeButton, makeFigure } from "./dom.js";
import { candidates, change, dial, nameAt, place, policy_V, state, used } from "./store.js";
import { texts } from "./texts.js";
import { drawDial } from "./token.js";

/** What the dial says on its way from 0 to 12, and the likeliest others. */
const three = computed(() => {
  const spoken = [0, 1, 2, 3, 5, 8, largestX].map((x) => bestToken(tiltPolicy(place.value, x)));
  const rest = place.value.ids?.indexOf(restId);
  return [...new Set([...spoken, ...candidates.value])].filter((id) => id !== rest).slice(0, 3);
});
/** The problem that the dial solves; a budget stops the dial, and the problem is then the one that leads there. */
const problem = computed(() => {
  const isCut = used.value < dial.value.x;
  return state.value.dial === "T" && !isCut ? lastStep(state.value.parameters) : oneStepTo(used.value);
});
const heights = [0.02, 0.1, 0.3, 0.7, 1.3];

/** Where x = 0, …, 12 leads: of many tokens fewer strengths, and straight lines between. */
const path = computed(() => {
  const count = place.value.base.length > 10_000 ? 60 : 240;
  return Array.from({ length: count + 1 }, (_, i) => {
    const x = (largestX * i) / count;
    return { x, masses: massesOf(tiltPolicy(place.value, x), three.value) };
  });
});

function onPath(x: number): Masses {
  const at = (Math.min(x, largestX) / largestX) * (path.value.length - 1);
  const [before, behind] = [path.value[Math.floor(at)]!, path.value[Math.ceil(at)]!];
  const share = at - Math.floor(at);
  return before.masses.map((mass, i) => mass + share * (behind.masses[i]! - mass));
}

const turn = computed(() => state.value.turn);
const view = computed(() => viewFrom(turn.value));

const scale = 300;
const place2 = (masses: Masses): Point => {
  const [x, y] = view.value.pointOf(masses);
  return [scale * x, scale * y];
};
const toPath = (points: readonly Point[]) =>
  points.map(([x, y], i) => `${i === 0 ? "M" : "L"}${x.toFixed(2)},${y.toFixed(2)}`).join("");

export function drawTriangle(): HTMLElement {
  const svg = draw("svg", { viewBox: "-240 -215 480 410", class: "triangle", "aria-hidden": "true" });
  effectPerFrame(() => svg.replaceChildren(...drawStill(), ...drawMoving(), ...drawClimb()));
  svg.addEventListener("pointerdown", (event) => turnBy(svg, event as PointerEvent));
  const picture = make(
    "div",
    { class: "picture", role: "img", "aria-label": () => texts.simplex.label(used.value) },
    svg,
  );
  const rest = () => texts.simplex.rest(massesOf(policy_V.value, three.value)[3]!);
  const means = () => texts.simplex.means(three.value.map((id) => `“${nameAt(id)}”`));
  const turning = (axis: 0 | 1, id: string, label: string, most: number) =>
    drawDial({
      ...{ id, label, least: -most, most, step: 1, say: texts.simplex.degrees },
      read: () => state.value.turn[axis],
      write: (value) => change({ turn: axis === 0 ? [value, turn.peek()[1]] : [turn.peek()[0], value] }),
    });
  return makeFigure(
    texts.simplex.title,
    means,
    drawClimbing(),
    picture,
    make("p", { class: "faint" }, texts.simplex.legend),
    make("p", {}, rest),
    make(
      "div",
      { class: "turning" },
      turning(0, "turn", texts.simplex.turn, 180),
      turning(1, "tilt", texts.simplex.tilt, 90),
    ),
  );
}

/** The figure follows the pointer. */
function turnBy(svg: SVGElement, { clientX, clientY, pointerId }: PointerEvent): void {
  const [about, towards] = turn.peek();
  const controller = new AbortController();
  const within = (value: number, most: number) => Math.round(Math.max(-most, Math.min(most, value)));
  svg.setPointerCapture(pointerId);
  const follow = (event: Event) => {
    const moved = event as PointerEvent;
    const across = about + 0.5 * (moved.clientX - clientX);
    const around = ((((across + 180) % 360) + 360) % 360) - 180;
    change({ turn: [Math.round(around), within(towards + 0.5 * (moved.clientY - clientY), 90)] });
  };
  const options = { signal: controller.signal };
  svg.addEventListener("pointermove", follow, options);
  for (const name of ["pointerup", "pointercancel"])
    svg.addEventListener(name, () => controller.abort(), options);
}

function drawStill(): SVGElement[] {
  const { corners, edges } = view.value;
  const names = [...three.value.map(nameAt), texts.token.rest];
  const at = (corner: number): Point => [scale * corners[corner]![0], scale * corners[corner]![1]];
  const label = (words: string, corner: number) => {
    const [x, y] = at(corner);
    const far = 1 + 16 / Math.max(40, Math.hypot(x, y));
    const anchor = Math.abs(x) < 40 ? "middle" : x < 0 ? "end" : "start";
    const attributes = { x: String(far * x), y: String(far * y + (y > 0 ? 12 : -2)), "text-anchor": anchor };
    return draw(
      "text",
      { ...attributes, fill: "currentColor", class: corner === 3 ? "corner rest" : "corner" },
      words,
    );
  };
  return [
    ...edges.map(({ ends: [one, other], isHidden }) =>
      draw("path", { d: toPath([at(one), at(other)]), class: isHidden ? "edge hidden" : "edge" }),
    ),
    ...names.map(label),
  ];
}

function dot(masses: Masses, color: string, r: number): SVGElement {
  const [x, y] = place2(masses);
  const attributes = { cx: String(x), cy: String(y), r: String(r) };
  return draw("circle", {
    ...attributes,
    fill: `var(--${color})`,
    stroke: "var(--paper)",
    "stroke-width": "1.5",
  });
}

function drawMoving(): SVGElement[] {
  const best = massesOf(policy_V.value, three.value);
  const cut = Number.isFinite(dial.value.nats) ? Math.max(1, used.value) : largestX;
  const lines = heights.map((nats) =>
    draw("path", { d: `${toPath(outline(best, nats, view.value, 48).map(place2))}Z`, class: "level" }),
  );
  const way = (from: number, to: number) =>
    toPath([
      place2(onPath(from)),
      ...path.value.filter(({ x }) => x > from && x < to).map(({ masses }) => place2(masses)),
      place2(onPath(to)),
    ]);
  return [
    ...lines,
    draw("path", { d: way(0, Math.min(cut, largestX)), class: "way" }),
    ...(cut < largestX ? [draw("path", { d: way(cut, largestX), class: "way cut" })] : []),
    ...drawIterates(),
    dot(onPath(0), "base", 5),
    dot(onPath(1), "pref", 5),
    dot(onPath(largestX), "faint", 3.5),
    dot(best, "policy", 7),
  ];
}

/** π_1 … π_{T+1}, where T sets the dial. */
function drawIterates(): SVGElement[] {
  if (state.value.dial !== "T") return [];
  const xs = guidanceTrajectory(state.value.parameters).filter((x) => x <= used.value + 1e-9);
  return xs.map((x) => dot(onPath(x), "pref", 2.6));
}

/** Where the climb has come to. */
const climb = signal<readonly Float64Array[]>([]);
const climbed = computed(() => climb.value.map((log_V) => massesOf(log_V, three.value)));
const mostSteps = 240;

function drawClimb(): SVGElement[] {
  if (climb.value.length === 0) return [];
  return [
    draw("path", { d: toPath(climbed.value.map(place2)), class: "climb" }),
    dot(climbed.value.at(-1)!, "climb", 5),
  ];
}

function drawClimbing(): HTMLElement {
  let going = 0;
  effect(() => {
    // Another problem has another mountain.
    [place.value, problem.value];
    cancelAnimationFrame(going);
    climb.value = [];
  });
  const start = () => {
    cancelAnimationFrame(going);
    const steps = ascend(place.value, problem.value);
    const isStill = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const further = (count: number) => Array.from({ length: count }, () => steps.next().value);
    climb.value = further(isStill ? mostSteps : 1);
    const go = () => {
      climb.value = [...climb.value, ...further(1)];
      if (climb.value.length < mostSteps) going = requestAnimationFrame(go);
    };
    if (!isStill) going = requestAnimationFrame(go);
  };
  const says = () => {
    const at = climb.value.at(-1);
    if (!at) return texts.simplex.notClimbed;
    const best = objective(place.value, problem.value, policy_V.value);
    const gap = best - objective(place.value, problem.value, at);
    return texts.simplex.height(gap, climb.value.length - 1);
  };
  return make(
    "p",
    { id: "climb" },
    makeButton(texts.simplex.climb, start),
    " ",
    make("span", { class: "faint" }, says),
  );
}
