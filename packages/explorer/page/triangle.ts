/** Three candidates: the path of x, the objective's level lines, and gradient ascent on demand. */
import { guidanceTrajectory } from "@amulet-ts/core";
import { computed, effect, signal } from "@preact/signals-core";
import { bestToken, type Place, tiltPolicy } from "../src/policy.js";
import {
  amongThree,
  ascend,
  lastStep,
  levelLine,
  massOfRest,
  objective,
  oneStepTo,
  placeAmongThree,
  pointOf,
} from "../src/simplex.js";
import { largestX } from "../src/state.js";
import { draw, effectPerFrame, make, makeButton, makeFigure } from "./dom.js";
import { candidates, dial, nameAt, place, policy_V, state, used } from "./store.js";
import { texts } from "./texts.js";

/** What the dial says on its way from 0 to 12, and the likeliest others. */
const three = computed(() => {
  const spoken = [0, 1, 2, 3, 5, 8, largestX].map((x) => bestToken(tiltPolicy(place.value, x)));
  return [...new Set([...spoken, ...candidates.value])].slice(0, 3);
});
const among = computed((): Place => placeAmongThree(place.value, three.value));
/** The problem that the dial solves; a budget stops the dial, and the problem is then the one that leads there. */
const problem = computed(() => {
  const isCut = used.value < dial.value.x;
  return state.value.dial === "T" && !isCut ? lastStep(state.value.parameters) : oneStepTo(used.value);
});
const pathStrengths = Array.from({ length: 241 }, (_, i) => (largestX * i) / 240);
const heights = [0.02, 0.1, 0.3, 0.7, 1.4, 2.5];

const scale = 300;
const toPath = (points: readonly (readonly [number, number])[]) =>
  points
    .map(([x, y], i) => `${i === 0 ? "M" : "L"}${(scale * x).toFixed(2)},${(scale * y).toFixed(2)}`)
    .join("");
const pathAt = (xs: readonly number[]) => toPath(xs.map((x) => pointOf(tiltPolicy(among.value, x))));

export function drawTriangle(): HTMLElement {
  const svg = draw("svg", { viewBox: "-70 -296 440 340", class: "triangle", "aria-hidden": "true" });
  effectPerFrame(() => svg.replaceChildren(...drawStill(), ...drawMoving(), ...drawClimb()));
  const picture = make(
    "div",
    { class: "picture", role: "img", "aria-label": () => texts.simplex.label(used.value) },
    svg,
  );
  const rest = () => texts.simplex.rest(massOfRest(policy_V.value, three.value));
  const means = () => texts.simplex.means(three.value.map((id) => `“${nameAt(id)}”`));
  return makeFigure(
    texts.simplex.title,
    means,
    picture,
    make("p", { class: "faint" }, texts.simplex.legend),
    make("p", {}, rest),
    drawClimbing(),
  );
}

function drawStill(): SVGElement[] {
  const [left, right, top] = three.value.map(nameAt);
  const label = (words: string, x: number, y: number) =>
    draw("text", { x: String(x), y: String(y), "text-anchor": "middle", fill: "currentColor" }, words);
  return [
    draw("path", { d: `M0,0L${scale},0L${scale / 2},${-scale * Math.sqrt(0.75)}Z`, class: "edge" }),
    label(left!, 0, 22),
    label(right!, scale, 22),
    label(top!, scale / 2, -scale * Math.sqrt(0.75) - 10),
  ];
}

function dot(log_3: ArrayLike<number>, color: string, r: number): SVGElement {
  const [x, y] = pointOf(log_3);
  const attributes = { cx: String(scale * x), cy: String(scale * y), r: String(r) };
  return draw("circle", {
    ...attributes,
    fill: `var(--${color})`,
    stroke: "var(--paper)",
    "stroke-width": "1.5",
  });
}

function drawMoving(): SVGElement[] {
  const best_3 = amongThree(policy_V.value, three.value);
  const cut = Number.isFinite(dial.value.nats) ? Math.max(1, used.value) : largestX;
  const lines = heights.map((nats) => draw("path", { d: toPath(levelLine(best_3, nats)), class: "level" }));
  const beyond = pathStrengths.filter((x) => x > cut);
  return [
    ...lines,
    draw("path", {
      d: pathAt([...pathStrengths.filter((x) => x <= cut), Math.min(cut, largestX)]),
      class: "way",
    }),
    ...(beyond.length > 0 ? [draw("path", { d: pathAt([cut, ...beyond]), class: "way cut" })] : []),
    ...drawIterates(),
    dot(among.value.base, "base", 5),
    dot(among.value.preference, "pref", 5),
    dot(tiltPolicy(among.value, largestX), "faint", 3.5),
    dot(best_3, "policy", 7),
  ];
}

/** π_1 … π_{T+1}, where T sets the dial. */
function drawIterates(): SVGElement[] {
  if (state.value.dial !== "T") return [];
  const xs = guidanceTrajectory(state.value.parameters).filter((x) => x <= used.value + 1e-9);
  return xs.map((x) => dot(tiltPolicy(among.value, x), "pref", 2.6));
}

/** Where the climb has come to. */
const climb = signal<readonly Float64Array[]>([]);
const mostSteps = 240;

function drawClimb(): SVGElement[] {
  if (climb.value.length === 0) return [];
  return [
    draw("path", { d: toPath(climb.value.map((log_3) => pointOf(log_3))), class: "climb" }),
    dot(climb.value.at(-1)!, "climb", 5),
  ];
}

function drawClimbing(): HTMLElement {
  let going = 0;
  effect(() => {
    // Another problem has another mountain.
    [among.value, problem.value];
    cancelAnimationFrame(going);
    climb.value = [];
  });
  const start = () => {
    cancelAnimationFrame(going);
    const steps = ascend(among.value, problem.value);
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
    const best_3 = tiltPolicy(among.value, used.value);
    const gap = objective(among.value, problem.value, best_3) - objective(among.value, problem.value, at);
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
