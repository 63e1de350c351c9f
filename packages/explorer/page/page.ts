/** The page: signals hold its state, effects redraw what depends on them. */

import { guidanceTrajectory, paperParameters } from "@amulet-ts/core";
import * as Plot from "@observablehq/plot";
import { computed, effect, signal } from "@preact/signals-core";
import { divergence, strengthWithin, tiltPolicy } from "../src/policy.js";
import recorded from "../src/recorded.json" with { type: "json" };
import { largestX, readState, writeState } from "../src/state.js";
import { texts } from "./texts.js";

const shown = 10;

const state = signal(readState(location.hash, recorded.places.length));
/** Recorded to three decimals, so normalised here. */
const places = recorded.places.map(({ base, preference }) => ({
  base: tiltPolicy(base, preference, 0),
  preference: tiltPolicy(base, preference, 1),
}));
const place = computed(() => places[state.value.place]!);
const used = computed(() => {
  const { x, nats } = state.value;
  const { base, preference } = place.value;
  return Number.isFinite(nats) && x > 1 ? strengthWithin(base, preference, nats, x) : x;
});
const policy_V = computed(() => tiltPolicy(place.value.base, place.value.preference, used.value));
/** Those that any strength of the dial makes the first, so that bars stay where they are while it is dragged. */
const candidates = computed(() => {
  const { base, preference } = place.value;
  const best = [0, 1, 3, largestX].map((x) => tiltPolicy(base, preference, x));
  const most = base.map((_, id) => Math.max(...best.map((log_V) => log_V[id]!)));
  const ids = [...most.keys()].sort((one, other) => most[other]! - most[one]!);
  return ids.slice(0, shown);
});

function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Record<string, string> = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** A token as it can be seen, spaces and line ends included. */
function piece(id: number): string {
  return recorded.pieces[id]!.replaceAll(" ", "␣").replaceAll("\n", "⏎") || `⟨${id}⟩`;
}

function section(title: string, means: string, ...children: Node[]): HTMLElement {
  return make("section", {}, make("h2", {}, title), make("p", { class: "faint" }, means), ...children);
}

function drawAnswer(): HTMLElement {
  const buttons = recorded.places.map(({ id }, index) => {
    const button = make("button", { type: "button" }, piece(id));
    button.addEventListener("click", () => {
      state.value = { ...state.value, place: index };
    });
    effect(() => button.setAttribute("aria-pressed", String(state.value.place === index)));
    return button;
  });
  return make("div", { class: "answer", role: "group", "aria-label": texts.answer }, ...buttons);
}

function drawDial(
  name: string,
  most: number,
  read: () => number,
  write: (value: number) => void,
): HTMLElement {
  const settings = { type: "range", min: "0", max: String(most), step: "0.01", id: name };
  const dial = make("input", settings);
  const value = make("output", { for: name });
  dial.addEventListener("input", () => write(dial.valueAsNumber));
  effect(() => {
    dial.value = String(Math.min(read(), most));
    value.textContent = Number.isFinite(read()) ? read().toFixed(2) : texts.unbounded;
    dial.setAttribute("aria-valuetext", value.textContent);
  });
  return make("div", { class: "dial" }, make("label", { for: name }, name), dial, value);
}

const mostNats = 2;

function drawDials(): HTMLElement {
  const x = drawDial(
    texts.strength,
    largestX,
    () => state.value.x,
    (x) => {
      state.value = { ...state.value, x };
    },
  );
  const nats = drawDial(
    texts.budget,
    mostNats,
    () => state.value.nats,
    (value) => {
      state.value = { ...state.value, nats: value < mostNats ? value : Number.POSITIVE_INFINITY };
    },
  );
  const says = make("p", { role: "status" });
  effect(() => {
    const drift = divergence(policy_V.value, place.value.preference);
    says.textContent = texts.used(used.value.toFixed(2), drift.toFixed(3));
  });
  const means = (text: string) => make("p", { class: "faint" }, text);
  return make("section", {}, x, means(texts.strengthMeans), nats, means(texts.budgetMeans), says);
}

function drawBar(column: string, log: number): HTMLElement {
  const share = Math.exp(log);
  const bar = make("span", { style: `width: ${(70 * share).toFixed(2)}%` });
  const attributes = { class: `bar ${column}`, "data-probability": String(share) };
  return make("div", attributes, bar, `${(100 * share).toFixed(1)} %`);
}

function drawCandidates(): HTMLElement {
  const head = [texts.token, texts.base, texts.preference, texts.policy];
  const titles = head.map((title) => make("th", { scope: "col" }, title));
  const body = make("tbody");
  effect(() => {
    const { base, preference } = place.value;
    const columns = { base, pref: preference, policy: policy_V.value };
    const rows = candidates.value.map((id) => {
      const bars = Object.entries(columns).map(([name, log_V]) => make("td", {}, drawBar(name, log_V[id]!)));
      return make("tr", { "data-id": String(id) }, make("th", { scope: "row" }, piece(id)), ...bars);
    });
    body.replaceChildren(...rows);
  });
  return make(
    "section",
    {},
    make("h2", {}, texts.candidates),
    make("table", {}, make("thead", {}, make("tr", {}, ...titles)), body),
  );
}

/** A figure that is drawn anew whenever what it reads changes. */
function drawFigure(title: string, means: string, draw: () => Plot.PlotOptions): HTMLElement {
  const figure = make("figure", { style: "margin: 0" });
  effect(() => figure.replaceChildren(Plot.plot({ width: 640, height: 320, grid: true, ...draw() })));
  return section(title, means, figure);
}

function curveOptions(): Plot.PlotOptions {
  const xs = guidanceTrajectory(paperParameters).map((x, T) => ({ T, x }));
  const line = Plot.line(xs, { x: "T", y: "x", stroke: "var(--pref)" });
  const marks = [line, Plot.ruleY([used.value], { stroke: "var(--policy)", strokeDasharray: "4 3" })];
  return { marks, x: { label: "T" }, y: { label: "x", domain: [0, largestX] }, ariaLabel: texts.curveLabel };
}

function planeOptions(): Plot.PlotOptions {
  const { base, preference } = place.value;
  const points = base.map((log, id) => ({ base: log, pref: preference[id]!, id }));
  const best = points.reduce((one, other) =>
    policy_V.value[other.id]! > policy_V.value[one.id]! ? other : one,
  );
  const least = Math.min(...base, ...preference);
  const ends = [
    { base: least, pref: least },
    { base: 0, pref: 0 },
  ];
  const norm = Math.hypot(1 - used.value, used.value);
  const [across, up] = [(1 - used.value) / norm, used.value / norm];
  const from = { base: least / 2, pref: least / 2 };
  const arrow = [{ ...from, base2: from.base + 3 * across, pref2: from.pref + 3 * up }];
  const at = { x: "base", y: "pref" };
  const marks = [
    Plot.line(ends, { ...at, stroke: "currentColor", strokeOpacity: 0.5, strokeDasharray: "4 3" }),
    Plot.dot(points, { ...at, r: 2, fill: "var(--base)" }),
    Plot.arrow(arrow, {
      x1: "base",
      y1: "pref",
      x2: "base2",
      y2: "pref2",
      stroke: "var(--policy)",
      strokeWidth: 2,
    }),
    Plot.dot([best], { ...at, r: 5, fill: "var(--policy)" }),
    Plot.text([best], {
      ...at,
      text: ({ id }) => piece(id),
      dx: -8,
      textAnchor: "end",
      fill: "var(--policy)",
    }),
  ];
  return { marks, x: { label: "log π base" }, y: { label: "log π pref" }, ariaLabel: texts.planeLabel };
}

document
  .querySelector("#page")!
  .append(
    make("h1", {}, texts.title),
    make("p", {}, texts.asked(recorded.question, recorded.preference)),
    make("p", { class: "faint" }, texts.recorded),
    drawAnswer(),
    drawDials(),
    drawCandidates(),
    drawFigure(texts.curve, texts.curveMeans, curveOptions),
    drawFigure(texts.plane, texts.planeMeans, planeOptions),
  );

effect(() => history.replaceState(null, "", writeState(state.value)));
addEventListener("hashchange", () => {
  state.value = readState(location.hash, recorded.places.length);
});
