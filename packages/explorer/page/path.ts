/** The guided path: each step is a state of the page. */
import { effect } from "@preact/signals-core";
import {
  firstState,
  type PageState,
  type Setting,
  settingsOf,
  stepCount,
  writeSetting,
} from "../src/state.js";
import { make, makeButton } from "./dom.js";
import { ask, complaint, engine, enterPath, leavePath, openEmbedded, sentenceOf } from "./engine.js";
import { answers, change, state } from "./store.js";
import { texts } from "./texts.js";

const unbounded = (x: number): Setting => ({ x, nats: Number.POSITIVE_INFINITY });
/** Where x = 5.65 breaks the first answer; recorded, as the first place is. */
const breaksAt = 35;
const { question, preference, parameters, nats } = firstState;
/** The paper's answer stays beside, whatever the dial does. */
const pinned = [...firstState.pinned, unbounded(5.65)];
const asked = {
  question,
  preference,
  pinned,
  parameters,
  nats,
  dial: "x",
  column: 0,
  place: 0,
  heat: "none",
} as const;

interface Step {
  readonly state: Partial<PageState>;
  /** The part of the page that it is about. */
  readonly at: string;
}

const steps: readonly Step[] = [
  { at: "ask", state: { ...asked, pinned: firstState.pinned, x: 5.65 } },
  { at: "token", state: { ...asked, pinned: firstState.pinned, x: 3 } },
  { at: "plane", state: { ...asked, pinned: firstState.pinned, x: 3 } },
  { at: "curve", state: { ...asked, pinned: firstState.pinned, dial: "T" } },
  {
    at: "triangle",
    state: { ...asked, column: 2, place: breaksAt, dial: "T", parameters: { ...parameters, iterations: 5 } },
  },
  { at: "token", state: { ...asked, pinned: firstState.pinned, column: 2, place: breaksAt, x: 5.65 } },
  {
    at: "token",
    state: {
      ...asked,
      pinned: [unbounded(1), unbounded(5.65)],
      column: 1,
      place: breaksAt,
      x: 5.65,
      nats: 0.2,
    },
  },
  {
    at: "study",
    state: {
      ...asked,
      pinned: [unbounded(1), unbounded(5.65)],
      column: 2,
      x: 5.65,
      nats: 0.2,
      heat: "x",
      curve: "strength",
      point: 17,
    },
  },
];

export function goTo(step: number): void {
  change({ step, ...steps[step - 1]?.state });
  settle(step === 0 ? leavePath() : enterPath());
  const target = document.getElementById(steps[step - 1]?.at ?? "page");
  const isStill = matchMedia("(prefers-reduced-motion: reduce)").matches;
  target?.scrollIntoView({ behavior: isStill ? "instant" : "smooth", block: "start" });
}

function leave(): void {
  change({ step: 0 });
  settle(leavePath());
}

function settle(opened: Promise<void>): void {
  opened.then(answerIfOther).catch((error) => {
    complaint.value = sentenceOf(error);
  });
}

/** Answers that other settings or another question gave are given anew. */
function answerIfOther(): void {
  const shown = answers.peek();
  const wanted = settingsOf(state.peek());
  const isPinnedSame = wanted.every(
    (setting, i) => shown[i] && writeSetting(setting) === writeSetting(shown[i].setting),
  );
  const isAskedSame = shown.every(
    (one) => one.question === state.peek().question && one.preference === state.peek().preference,
  );
  if (engine.peek() && !(isPinnedSame && isAskedSame && wanted.length === shown.length)) void ask();
}

export function drawPath(): HTMLElement {
  const step = () => state.value.step;
  const current = () => texts.path.steps[step() - 1];
  const isOff = () => (step() === 0 ? "" : undefined);
  const start = makeButton(texts.path.start, () => goTo(1), {
    class: "main",
    hidden: () => (step() === 0 ? undefined : ""),
  });
  const dots = Array.from({ length: stepCount }, (_, i) =>
    makeButton(String(i + 1), () => goTo(i + 1), {
      class: "dot",
      "aria-label": `${texts.path.of(i + 1, stepCount)}: ${texts.path.steps[i]!.title}`,
      "aria-current": () => (step() === i + 1 ? "step" : undefined),
    }),
  );
  const back = makeButton(texts.path.back, () => goTo(step() - 1), {
    disabled: () => (step() <= 1 ? "" : undefined),
  });
  const isLast = () => step() === stepCount;
  const next = makeButton(
    () => (isLast() ? texts.path.end : texts.path.next),
    () => goTo(isLast() ? 0 : step() + 1),
    { class: "main" },
  );
  const panel = make(
    "nav",
    { class: "path", "aria-label": texts.path.label, hidden: isOff },
    make("div", { class: "row dots" }, ...dots),
    make(
      "div",
      { "aria-live": "polite" },
      make("h2", {}, () => current()?.title ?? ""),
      make("p", {}, () => current()?.says ?? ""),
    ),
    make(
      "p",
      { class: "row failed", hidden: () => (engine.value?.kind === "file" ? undefined : "") },
      texts.path.other,
      makeButton(texts.path.useEmbedded, () => void openEmbedded().then(() => ask())),
    ),
    make("div", { class: "row" }, back, next, makeButton(texts.path.leave, leave)),
  );
  effect(() => {
    document.body.classList.toggle("guided", step() !== 0);
  });
  effect(() => {
    const at = steps[step() - 1]?.at;
    for (const element of document.querySelectorAll(".looked")) element.classList.remove("looked");
    if (at) document.getElementById(at)?.classList.add("looked");
  });
  return make("div", {}, start, panel);
}
