/** The answers behind a point of a curve, beside the preference prompt's own. */
import { effect, signal } from "@preact/signals-core";
import type { Setting } from "../../src/state.js";
import { findPair, type Pair, questionsOf } from "../../src/study.js";
import { make, makeButton } from "../dom.js";
import { embeddedModel, engine } from "../engine.js";
import { change } from "../store.js";
import { texts } from "../texts.js";
import { choosePair, kept, pair, pairs, point, setting, shownCurve, shownPair, study } from "./shown.js";

const isNothingShown = () => (point.value ? undefined : "");

export function drawBehind(): HTMLElement {
  return make(
    "div",
    { class: "behind" },
    make("p", { role: "status" }, saysOfPoint),
    make("div", { hidden: isNothingShown }, drawBrowsing(), drawAnswers()),
  );
}

function saysOfPoint(): string {
  if (!point.value || !study.value) return texts.study.none;
  const { measures } = study.value;
  const parts = measures.map((one) => `${texts.study.measures[one]} ${point.value![one]![0]!.toFixed(2)}`);
  return texts.study.pointSays(texts.study.at(shownCurve.value, point.value.value), [
    ...parts,
    texts.study.drift(point.value.drift![0]!),
  ]);
}

function drawBrowsing(): HTMLElement {
  const questions = () => questionsOf(pairs.value);
  const at = () => questions().indexOf(pair.value?.question ?? "");
  const go = (question: string) => {
    if (pair.value) choosePair(findPair(pairs.value, { ...pair.value, question }));
  };
  const step = ([sign, label]: readonly string[], by: number) =>
    makeButton(sign!, () => go(questions()[at() + by]!), {
      "aria-label": label!,
      disabled: () => (questions()[at() + by] === undefined ? "" : undefined),
    });
  return make(
    "div",
    { class: "row" },
    drawChoice("study-question", texts.study.question, questions, "question", go),
    make("span", { class: "row" }, step(texts.study.previous, -1), step(texts.study.next, 1)),
    drawChoice(
      "study-preference",
      texts.study.preference,
      () =>
        pairs.value.filter(({ question }) => question === pair.value?.question).map((one) => one.preference),
      "preference",
      (preference) => choosePair(findPair(pairs.value, { ...pair.value!, preference })),
    ),
    drawAskHere(),
  );
}

function drawChoice(
  id: string,
  label: string,
  choices: () => readonly string[],
  part: keyof Pair,
  choose: (value: string) => void,
): HTMLElement {
  const select = make("select", { id });
  let shown = "";
  effect(() => {
    const wanted = choices();
    // A list that is open is not drawn anew under the hand that chooses from it.
    if (wanted.join("\n") !== shown)
      select.replaceChildren(...wanted.map((value) => make("option", { value }, value)));
    shown = wanted.join("\n");
    select.value = pair.value?.[part] ?? "";
  });
  select.addEventListener("change", () => choose(select.value));
  return make("span", {}, make("label", { for: id }, `${label} `), select);
}

/** The question, the preference and the strength, put where any model can be asked. */
function drawAskHere(): HTMLElement {
  const put = () => {
    if (!pair.value) return;
    change({ ...pair.value, dial: "x", ...setting.value });
    document.querySelector("#ask")?.scrollIntoView();
  };
  return makeButton(texts.study.askHere, put, { disabled: () => (setting.value ? undefined : "") });
}

const prompt: Setting = { x: 1, nats: Number.POSITIVE_INFINITY };
/** The preference prompt's, and the point's own. */
const said = [signal(""), signal("")] as const;
const scores = [signal(""), signal("")] as const;

function drawAnswers(): HTMLElement {
  const isPrompt = () => (setting.value?.x === 1 ? "" : undefined);
  const answers = make(
    "div",
    { class: "columns", "aria-live": "polite" },
    drawAnswer(0, () => prompt),
    drawAnswer(1, () => setting.value, isPrompt),
  );
  let controller = new AbortController();
  effect(() => {
    controller.abort();
    controller = new AbortController();
    for (const each of [...said, ...scores]) each.value = "";
    if (!point.value || !study.value) return;
    if (point.value.setting !== undefined) showKept(point.value.setting);
    else if (!engine.value) said[0].value = texts.study.waiting;
    else void showAgain(answers, controller.signal);
  });
  return answers;
}

function drawAnswer(
  index: 0 | 1,
  of: () => Setting | undefined,
  hidden: () => string | undefined = () => undefined,
): HTMLElement {
  const name = () => (of() ? texts.setting.name(of()!) : texts.study.masked);
  const says = () => (of() ? texts.setting.says(of()!) : texts.study.at("masked", point.value?.value ?? 0));
  const kind = () => (index === 0 ? "of-pref" : of()?.x === 0 ? "of-base" : "of-policy");
  return make(
    "article",
    { class: "column", hidden },
    make("h3", { class: kind }, name, " ", make("small", {}, says)),
    make("p", { class: "text" }, () => said[index].value),
    make("p", { class: "scores" }, () => scores[index].value),
  );
}

function showKept(setting: string): void {
  if (!kept.value || !study.value) {
    said[0].value = said[1].value = texts.study.fetching;
    return;
  }
  const atPrompt = study.value.curves.strength?.find(({ value }) => value === 1)?.setting ?? setting;
  const answers = [atPrompt, setting].map((one) => kept.value!.settings[one]![shownPair.value]!);
  for (const [i, answer] of answers.entries()) {
    const isSame = i === 1 && answer[0] === answers[0]![0];
    said[i]!.value = isSame ? texts.study.same : answer[0] || texts.study.empty;
    scores[i]!.value = texts.study.kept(study.value.measures, answer);
  }
}

/** The embedded model answers here and now, greedily, as in the study. */
async function showAgain(answers: HTMLElement, signal: AbortSignal): Promise<void> {
  const { question, preference } = pair.value!;
  const order = { question, preference, curve: shownCurve.value, value: point.value!.value };
  // Read out when both are whole.
  answers.setAttribute("aria-busy", "true");
  const last = ["", ""];
  try {
    const { answerAgain } = await import("./answer.js");
    const tell = (index: number, text: string) => {
      if (!signal.aborted) said[index]!.value = last[index] = text;
    };
    await answerAgain(await embeddedModel(), order, tell, signal);
    const { scoresOf } = await import("../scores.js");
    if (signal.aborted) return;
    for (const [i, text] of last.entries()) scores[i]!.value = scoresOf(text, question, preference);
  } catch {
    // Another point was chosen.
  } finally {
    if (!signal.aborted) answers.removeAttribute("aria-busy");
  }
}
