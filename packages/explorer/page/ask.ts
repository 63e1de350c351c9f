/** The question, the preference, and the answers of all settings side by side. */
import { effect, untracked } from "@preact/signals-core";
import { commandFor, programFor } from "../src/code.js";
import { type Heat, heats, mostPinned, type Setting, writeSetting } from "../src/state.js";
import { drawScoped, make, makeButton, makeSection, watch } from "./dom.js";
import {
  ask,
  complaint,
  engine,
  isAnswering,
  isEmbedded,
  openServer,
  rewrite,
  sentenceOf,
  status,
  stop,
} from "./engine.js";
import { servedBy } from "./models/on-server.js";
import {
  address,
  announced,
  answers,
  change,
  dial,
  pieceOf,
  type SaidToken,
  type ShownAnswer,
  selected,
  shownColumn,
  shownHeat,
  shownPlace,
  state,
  visible,
} from "./store.js";
import { texts } from "./texts.js";

export function drawAsk(): HTMLElement {
  const form = make(
    "form",
    { class: "ask" },
    drawField("question", texts.ask.question, texts.ask.questions),
    drawField("preference", texts.ask.preference, texts.ask.preferences),
    make("div", { class: "row" }, drawGo(), drawKeep(), drawShare(), ...drawCode()),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (isAnswering.value) stop();
    else void ask();
  });
  return makeSection(
    "ask",
    texts.ask.title,
    form,
    drawStatus(),
    drawKey(),
    make("p", { class: "failed", role: "alert" }, () => complaint.value),
    drawColumns(),
    drawHere(),
    drawHeats(),
    drawRewrite(),
  );
}

function drawField(name: "question" | "preference", label: string, examples: readonly string[]): HTMLElement {
  const list = make(
    "datalist",
    { id: `${name}-examples` },
    ...examples.map((value) => make("option", { value })),
  );
  const field = make("input", {
    id: name,
    list: list.id,
    autocomplete: "off",
    maxlength: "2000",
    required: "",
  });
  effect(() => {
    if (field.value !== state.value[name]) field.value = state.value[name];
  });
  field.addEventListener("change", () => change({ [name]: field.value }));
  return make("div", { class: "field" }, make("label", { for: name }, label), field, list);
}

function drawGo(): HTMLElement {
  const label = () => (isAnswering.value ? texts.ask.stop : texts.ask.go);
  const disabled = () => (engine.value ? undefined : "");
  return make("button", { type: "submit", class: "main", disabled }, label);
}

function drawKeep(): HTMLElement {
  const isFull = () => state.value.pinned.length >= mostPinned;
  const disabled = () => (isFull() || !engine.value ? "" : undefined);
  const keep = () => {
    const { pinned } = state.value;
    change({ pinned: [...pinned, dial.value], column: pinned.length });
    void ask();
  };
  return makeButton(texts.ask.keep, keep, { disabled });
}

async function copy(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    announced.value = texts.ask.copied;
  } catch {
    announced.value = texts.ask.notCopied;
  }
}

function drawShare(): HTMLElement {
  return makeButton(texts.ask.share, () => copy(address()));
}

/** Where the server's model answers, code asks the server. */
function server() {
  if (engine.value?.kind !== "server") return undefined;
  const needsKey = servedBy()?.needsKey ?? false;
  return { url: new URL("v1/chat/completions", document.baseURI).href, needsKey };
}

function drawCode(): HTMLElement[] {
  const block = (name: string, text: () => string) =>
    make(
      "div",
      {},
      make("h3", {}, name),
      make("pre", { tabindex: "0", role: "region", "aria-label": name }, make("code", {}, text)),
      makeButton(`${texts.ask.code}: ${name}`, () => copy(text())),
    );
  const dialog = make(
    "dialog",
    { "aria-label": texts.ask.code },
    block(texts.ask.program, () => programFor(state.value, server())),
    block(texts.ask.command, () => commandFor(state.value, server())),
    make(
      "p",
      {},
      makeButton(texts.ask.close, () => dialog.close()),
    ),
  );
  return [makeButton(texts.ask.code, () => dialog.showModal()), dialog];
}

function drawStatus(): HTMLElement {
  const bar = make("progress", {
    max: "1",
    "aria-label": texts.model.loading,
    hidden: () => (status.value.share === undefined ? "" : undefined),
    value: () => String(status.value.share ?? 0),
  });
  const kind = () => `status ${status.value.kind}`;
  return make("p", { class: kind, role: "status" }, () => `${status.value.says} `, bar);
}

/** A server with a key asks for it. */
function drawKey(): HTMLElement {
  const field = make("input", { id: "key", type: "password", autocomplete: "off", required: "" });
  const form = make(
    "form",
    {
      class: "row",
      hidden: () => (servedBy()?.needsKey && engine.value?.kind !== "server" ? undefined : ""),
    },
    make("label", { for: "key" }, texts.model.key),
    field,
    make("button", { type: "submit" }, texts.model.useKey),
    make("span", { class: "faint" }, texts.model.keyMeans),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const key = field.value;
    field.value = "";
    complaint.value = "";
    openServer(key).then(
      () => ask(),
      (error) => {
        complaint.value = sentenceOf(error);
      },
    );
  });
  return form;
}

function drawColumns(): HTMLElement {
  const columns = make("div", { class: "columns" });
  let drawn: { end(): void }[] = [];
  effect(() => {
    for (const { end } of drawn) end();
    const scoped = answers.value.map((answer, column) => untracked(() => drawColumn(answer, column)));
    columns.replaceChildren(...scoped.map(({ result }) => result));
    drawn = scoped;
  });
  return columns;
}

function drawColumn(answer: ShownAnswer, column: number) {
  return drawScoped((more) => drawAnswer(answer, column, more));
}

function drawAnswer(
  answer: ShownAnswer,
  column: number,
  more: <Result>(work: () => Result) => Result,
): HTMLElement {
  const { setting } = answer;
  const isDial = () => column === state.value.pinned.length;
  const body = make("div", { class: "tokens", role: "group", "aria-label": texts.ask.answerOf(setting) });
  body.addEventListener("keydown", (event) => moveBy(event, body));
  let drawn = 0;
  watch(() => {
    const count = answer.count.value;
    for (; drawn < count; drawn++)
      body.append(untracked(() => more(() => drawToken(answer.tokens[drawn]!, column, drawn))));
  });
  const drop = makeButton("×", () => dropPinned(column), {
    class: "drop",
    "aria-label": texts.ask.drop(setting),
    hidden: () => (isDial() ? "" : undefined),
  });
  return make(
    "article",
    { class: () => (shownColumn.value === column ? "column chosen" : "column") },
    make(
      "h3",
      { class: kindOf(setting) },
      texts.setting.name(setting),
      " ",
      make("small", {}, texts.setting.says(setting)),
      drop,
    ),
    body,
    make("p", { class: "faint" }, () => noteOf(answer, isDial())),
    drawScores(answer),
  );
}

const kindOf = ({ x }: Setting) => (x === 0 ? "of-base" : x === 1 ? "of-pref" : "of-policy");

function noteOf(answer: ShownAnswer, isDial: boolean): string {
  const words = texts.answer.status[answer.status.value];
  const isEmpty = answer.count.value === 0 && !["growing", "failed"].includes(answer.status.value);
  const isOld = isDial && !isEmpty && writeSetting(answer.setting) !== writeSetting(dial.value);
  return [isEmpty ? texts.ask.empty : words, isOld ? texts.ask.again : ""].filter(Boolean).join(" ");
}

function drawToken(token: SaidToken, column: number, at: number): HTMLElement {
  const isChosen = () => shownColumn.value === column && shownPlace.value === at;
  const attributes = {
    class: "token",
    role: "button",
    "aria-pressed": () => String(isChosen()),
    tabindex: () => (isChosen() || (at === 0 && shownColumn.value !== column) ? "0" : "-1"),
    style: () => heatOf(token, shownHeat.value),
  };
  // No button: those don't break between lines as text does.
  const button = make("span", attributes, token.text);
  const choose = () => change({ column, place: at });
  button.addEventListener("click", choose);
  button.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    choose();
  });
  const look = () => {
    here.textContent = hereSays(token);
  };
  button.addEventListener("pointerenter", look);
  button.addEventListener("focus", look);
  return button;
}

/** Left and right, to the beginning and to the end; the token that is reached is chosen. */
function moveBy(event: KeyboardEvent, body: HTMLElement): void {
  const tokens = [...body.children] as HTMLElement[];
  const at = tokens.indexOf(document.activeElement as HTMLElement);
  const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: tokens.length - 1 }[event.key];
  if (at < 0 || to === undefined || !tokens[to]) return;
  event.preventDefault();
  tokens[to]!.focus();
  tokens[to]!.click();
}

function heatOf({ measures }: SaidToken, heat: Heat): string {
  if (!measures || heat === "none") return "";
  const mix = (color: string, share: number) =>
    `background: color-mix(in srgb, var(--${color}) ${Math.round(100 * Math.min(1, Math.max(0, share)) * 0.6)}%, transparent)`;
  if (heat === "delta") return mix(measures.delta < 0 ? "base" : "policy", Math.abs(measures.delta) / 4);
  if (heat === "pref") return mix("policy", measures.fromPreference);
  if (heat === "base") return mix("pref", measures.fromBase / 4);
  return mix("policy", measures.x / 6);
}

const here = make("p", { class: "here", "aria-live": "polite" }, texts.answer.hint);

function drawHere(): HTMLElement {
  return here;
}

function hereSays({ id, text, measures }: SaidToken): string {
  const token = `“${visible(text, id)}”`;
  if (!measures) return token;
  const { delta, fromPreference, fromBase, x, wouldSay } = measures;
  const [base, preference, policy] = [wouldSay.base, wouldSay.preference, wouldSay.policy].map(
    (other) => `“${pieceOf(other)}”`,
  );
  return texts.answer.here(token, [
    texts.answer.wouldSay(base!, preference!, policy!),
    texts.answer.measures(delta, fromPreference, fromBase, x),
  ]);
}

function drawHeats(): HTMLElement {
  const choices = heats.map((value) => make("option", { value }, texts.answer.heats[value]));
  const select = make("select", { id: "heat" }, ...choices);
  effect(() => {
    select.value = state.value.heat;
  });
  select.addEventListener("change", () => change({ heat: select.value as Heat }));
  const legend = (end: 0 | 1) => make("span", {}, () => texts.answer.legend[state.value.heat][end]);
  const scale = make(
    "span",
    {
      class: () => `legend heat-${state.value.heat}`,
      hidden: () => (state.value.heat === "none" ? "" : undefined),
    },
    legend(0),
    make("span", { class: "scale" }),
    legend(1),
  );
  return make("p", { class: "row" }, make("label", { for: "heat" }, texts.answer.heat), select, scale);
}

function drawRewrite(): HTMLElement {
  const disabled = () => (engine.value && selected.value ? undefined : "");
  const again = () => void rewrite(state.value.column, state.value.place);
  const button = makeButton(texts.answer.rewrite, again, { disabled, "aria-describedby": "rewrite-means" });
  return make(
    "p",
    {},
    button,
    " ",
    make("span", { class: "faint", id: "rewrite-means" }, texts.answer.rewriteMeans),
  );
}

function dropPinned(column: number): void {
  const { pinned } = state.value;
  answers.value = answers.value.filter((_, i) => i !== column);
  change({ pinned: pinned.filter((_, i) => i !== column), column: Math.max(0, state.value.column - 1) });
}

/** The embedded model's language can be scored; its grammar is fetched when the first answer is whole. */
function drawScores(answer: ShownAnswer): HTMLElement {
  const scores = make("p", { class: "scores" });
  watch(() => {
    if (answer.status.value === "growing" || answer.count.value === 0 || !isEmbedded()) return;
    const text = answer.tokens.map(({ text }) => text).join("");
    void import("./scores.js").then(({ scoresOf }) => {
      scores.textContent = scoresOf(text, answer.question, answer.preference);
    });
  });
  return scores;
}
