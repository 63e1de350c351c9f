/** Elements that say what signals say. */
import * as Plot from "@observablehq/plot";
import { effect } from "@preact/signals-core";

/** What ends with a part of the page that is drawn anew. */
let scope: (() => void)[] | undefined;

/** An effect that ends with the part of the page which it is made in. */
export function watch(work: () => void): void {
  const end = effect(work);
  scope?.push(end);
}

/** Draws a part whose effects can be ended, and with `more` draws further into it. */
export function drawScoped<Result>(work: (more: <R>(work: () => R) => R) => Result): {
  result: Result;
  end(): void;
} {
  const ends: (() => void)[] = [];
  const within = <R>(part: () => R): R => {
    const outer = scope;
    scope = ends;
    try {
      return part();
    } finally {
      scope = outer;
    }
  };
  const result = within(() => work(within));
  return {
    result,
    end: () => {
      for (const end of ends.splice(0)) end();
    },
  };
}

export type Attribute = string | (() => string | undefined);
export type Child = Node | string | (() => string);

/** An attribute or a text that is a function is written anew whenever what it reads changes; undefined takes it away. */
export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Readonly<Record<string, Attribute>> = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) follow(element, name, value);
  element.append(...children.map(toNode));
  return element;
}

const svgSpace = "http://www.w3.org/2000/svg";

export function draw(tag: string, attributes: Readonly<Record<string, Attribute>>, ...children: Child[]) {
  const element = document.createElementNS(svgSpace, tag);
  for (const [name, value] of Object.entries(attributes)) follow(element, name, value);
  element.append(...children.map(toNode));
  return element;
}

function follow(element: Element, name: string, value: Attribute): void {
  const write = (words: string | undefined) => {
    if (words === undefined) element.removeAttribute(name);
    else element.setAttribute(name, words);
  };
  if (typeof value === "string") write(value);
  else watch(() => write(value()));
}

function toNode(child: Child): Node | string {
  if (typeof child !== "function") return child;
  const text = document.createTextNode("");
  watch(() => {
    text.data = child();
  });
  return text;
}

export function makeButton(
  label: Child,
  act: () => void,
  attributes: Readonly<Record<string, Attribute>> = {},
): HTMLButtonElement {
  const button = make("button", { type: "button", ...attributes }, label);
  button.addEventListener("click", act);
  return button;
}

/** A part of the page under a heading of its own. */
export function makeSection(id: string, title: string, ...children: readonly Child[]): HTMLElement {
  const heading = make("h2", { id: `${id}-title` }, title);
  return make("section", { id, "aria-labelledby": heading.id }, heading, ...children);
}

export function makeFigure(title: string, means: Child, ...children: readonly Child[]): HTMLElement {
  const caption = make("figcaption", {}, make("h3", {}, title), make("p", { class: "faint" }, means));
  return make("figure", {}, caption, ...children);
}

/** Runs `work` again, once per frame, when what it reads has changed. */
export function effectPerFrame(work: () => void): void {
  let isDue = true;
  let dispose: (() => void) | undefined;
  const run = () => {
    isDue = false;
    dispose?.();
    let isFirst = true;
    dispose = effect(() => {
      if (isFirst) work();
      else if (!isDue) {
        isDue = true;
        requestAnimationFrame(run);
      }
      isFirst = false;
    });
  };
  run();
}

/** A chart whose parts say nothing by themselves: the picture that it stands in has a name. */
export function plotSilently(options: Plot.PlotOptions): (SVGSVGElement | HTMLElement) & Plot.Plot {
  const chart = Plot.plot(options) as (SVGSVGElement | HTMLElement) & Plot.Plot;
  for (const part of chart.querySelectorAll("[aria-label]")) part.removeAttribute("aria-label");
  return chart;
}
