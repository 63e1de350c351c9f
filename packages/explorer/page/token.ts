/** One token: the dials, and its candidates under base, pref and the policy. */
import { type AmuletParameters, guidanceScale } from "@amulet-ts/core";
import { effect } from "@preact/signals-core";
import { divergence } from "../src/policy.js";
import { restId } from "../src/served.js";
import { largestX, mostNats } from "../src/state.js";
import { drawScoped, effectPerFrame, make, makeFigure } from "./dom.js";
import {
  candidates,
  change,
  dial,
  isPlaceKnown,
  nameAt,
  place,
  policy_V,
  selected,
  state,
  used,
  visible,
} from "./store.js";
import { texts } from "./texts.js";

export function drawPlaceTitle(): HTMLElement {
  const says = () => {
    const looked = selected.value;
    if (!looked) return texts.token.noToken;
    const { token, at, answer } = looked;
    const words = texts.token.under(`“${visible(token.text, token.id)}”`, at, answer.setting);
    return isPlaceKnown.value ? words : `${words} ${texts.token.waiting}`;
  };
  return make("div", {}, make("p", { class: "faint" }, says), drawPartial());
}

/** Where the policies are not whole: how much of them is here. */
function drawPartial(): HTMLElement {
  const says = () => {
    const { ids, base, preference } = place.value;
    if (!ids) return "";
    const rest = ids.indexOf(restId);
    return texts.token.partial(1 - Math.exp(base[rest]!), 1 - Math.exp(preference[rest]!), ids.length - 1);
  };
  return make("p", { class: "partial", hidden: () => (place.value.ids ? undefined : "") }, says);
}

interface DialOptions {
  readonly id: string;
  readonly label: string;
  readonly least: number;
  readonly most: number;
  readonly step: number;
  read(): number;
  write(value: number): void;
  say(value: number): string;
}

export function drawDial({ id, label, least, most, step, read, write, say }: DialOptions): HTMLElement {
  const dial = make("input", {
    type: "range",
    min: String(least),
    max: String(most),
    step: String(step),
    id,
  });
  const value = make("output", { for: id });
  dial.addEventListener("input", () => write(dial.valueAsNumber));
  effect(() => {
    const at = Math.min(read(), most);
    if (dial.valueAsNumber !== at) dial.value = String(at);
    value.textContent = say(read());
    dial.setAttribute("aria-valuetext", value.textContent);
  });
  return make("div", { class: "dial" }, make("label", { for: id }, label), dial, value);
}

const parameterDials = [
  { name: "iterations", id: "T", least: 0, most: 100, step: 1 },
  { name: "alpha", id: "alpha", least: 0, most: 4, step: 0.05 },
  { name: "lambda", id: "lambda", least: 0.5, most: 8, step: 0.05 },
  { name: "eta", id: "eta", least: 0.1, most: 100, step: 0.1 },
] as const satisfies readonly { name: keyof AmuletParameters; [key: string]: unknown }[];

/** @param id where a second one stands beside a figure */
export function drawStrengthDial(id = "x"): HTMLElement {
  return drawDial({
    ...{ id, label: texts.token.x, least: 0, most: largestX, step: 0.01, say: texts.two },
    read: () => state.value.x,
    write: (value) => change({ x: value, dial: "x" }),
  });
}

function drawParameterDial(
  { name, ...dial }: (typeof parameterDials)[number],
  own: Partial<Pick<DialOptions, "id" | "say">> = {},
): HTMLElement {
  return drawDial({
    ...{ ...dial, label: texts.token[dial.id], say: texts.two, ...own },
    read: () => state.value.parameters[name],
    write: (value) => change({ parameters: { ...state.value.parameters, [name]: value }, dial: "T" }),
  });
}

/** Beside the curve of x: it says where T leads. */
export const drawIterationsDial = (id: string): HTMLElement =>
  drawParameterDial(parameterDials[0], {
    id,
    say: (T) => texts.curve.steps(T, guidanceScale(state.value.parameters)),
  });

export function drawDials(): HTMLElement {
  const x = drawStrengthDial();
  const parameters = parameterDials.map((dial) => drawParameterDial(dial));
  const nats = drawDial({
    ...{ id: "nats", label: texts.token.nats, least: 0, most: mostNats, step: 0.01 },
    read: () => state.value.nats,
    write: (value) => change({ nats: value < mostNats ? value : Number.POSITIVE_INFINITY }),
    say: (value) => (Number.isFinite(value) ? texts.token.natsUnit(value) : texts.token.unbounded),
  });
  const group = (kind: "x" | "T", ...dials: HTMLElement[]) =>
    make("div", { hidden: () => (state.value.dial === kind ? undefined : "") }, ...dials);
  return make(
    "div",
    { class: "dials" },
    drawKinds(),
    group("x", x),
    group("T", ...parameters),
    nats,
    drawUsed(),
  );
}

function drawKinds(): HTMLElement {
  const choice = (kind: "x" | "T", label: string) => {
    const radio = make("input", { type: "radio", name: "by", id: `by-${kind}`, value: kind });
    effect(() => {
      radio.checked = state.value.dial === kind;
    });
    radio.addEventListener("change", () => change({ dial: kind }));
    return make("label", { for: radio.id }, radio, ` ${label}`);
  };
  return make(
    "fieldset",
    { class: "row" },
    make("legend", {}, texts.token.by),
    choice("x", texts.token.byX),
    choice("T", texts.token.byT),
  );
}

function drawUsed(): HTMLElement {
  const says = () => {
    const drift = divergence(policy_V.value, place.value.preference);
    return texts.token.used(used.value, Math.max(0, drift), used.value < dial.value.x - 1e-9);
  };
  return make("p", { class: "used", id: "used", role: "status" }, says);
}

const kinds = ["base", "pref", "policy"] as const;

interface Bar {
  readonly id: number;
  readonly kind: (typeof kinds)[number];
  readonly bar: HTMLElement;
  readonly says: Text;
  readonly cell: HTMLElement;
}

/** Rows change with the place; while a dial turns, only widths and numbers do. */
export function drawCandidates(): HTMLElement {
  const head = [texts.token.name, texts.token.base, texts.token.preference, texts.token.policy];
  const titles = head.map((title, i) => make("th", { scope: "col", class: ["", ...kinds][i]! }, title));
  const body = make("tbody");
  let bars: Bar[] = [];
  let end = () => {};
  effect(() => {
    end();
    bars = [];
    const drawn = drawScoped(() => candidates.value.map((id) => drawRow(id, bars)));
    body.replaceChildren(...drawn.result);
    end = drawn.end;
  });
  effectPerFrame(() => {
    const policies = { base: place.value.base, pref: place.value.preference, policy: policy_V.value };
    candidates.value;
    for (const { id, kind, bar, says, cell } of bars) {
      const share = Math.exp(policies[kind][id]!);
      bar.style.width = `${(100 * share).toFixed(2)}%`;
      says.data = texts.percent(share);
      cell.dataset.probability = String(share);
    }
  });
  const table = make("table", {}, make("thead", {}, make("tr", {}, ...titles)), body);
  return makeFigure(texts.token.candidates, texts.token.candidatesMean, table);
}

function drawRow(id: number, bars: Bar[]): HTMLElement {
  const cells = kinds.map((kind) => {
    const [bar, says] = [make("span", { class: "fill" }), document.createTextNode("")];
    const cell = make(
      "td",
      { class: kind },
      make("span", { class: "track" }, bar),
      make("span", { class: "share" }, says),
    );
    bars.push({ id, kind, bar, says, cell });
    return cell;
  });
  const name = make("th", { scope: "row" }, () => nameAt(id));
  return make("tr", { "data-id": String(id) }, name, ...cells);
}
