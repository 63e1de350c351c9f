/** One diagram of a figure, drawn by Observable Plot on a document of its own; loaded only when a figure is drawn. */
import type { Markish, PlotOptions } from "@observablehq/plot";

export type Plot = typeof import("@observablehq/plot");

export interface Plotter {
  readonly Plot: Plot;
  /** Draws marks as an `<svg>` element, as text. */
  draw(options: PlotOptions): string;
}

/** Colours of the methods, told apart by people who see no red or no green as well (Okabe and Ito 2008). */
export const palette = { dial: "#0072b2", bounded: "#d55e00", masked: "#009e73", muted: "#777" } as const;

export const panelSize = { width: 460, height: 270 } as const;

export async function openPlotter(): Promise<Plotter> {
  const [Plot, { parseHTML }] = await Promise.all([import("@observablehq/plot"), import("linkedom")]);
  const { document } = parseHTML("<!doctype html><html></html>");
  const draw = (options: PlotOptions) => {
    const element = Plot.plot({
      ...panelSize,
      marginTop: 48,
      marginLeft: 48,
      marginBottom: 36,
      ...options,
      document,
    });
    element.setAttribute("xmlns", "http://www.w3.org/2000/svg");
    return element.outerHTML;
  };
  return { Plot, draw };
}

/** Panels side by side and one below the other, on white: figures are also seen on dark pages. @param title plain words, for who cannot see it */
export function composeFigure(title: string, panels: readonly string[], columns: number): string {
  const { width, height } = panelSize;
  const rows = Math.ceil(panels.length / columns);
  const size = `${columns * width}" height="${rows * height}`;
  const placed = panels.map((svg, i) =>
    svg.replace("<svg ", `<svg x="${(i % columns) * width}" y="${Math.floor(i / columns) * height}" `),
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${size}" viewBox="0 0 ${columns * width} ${rows * height}">`,
    `<title>${title}</title>`,
    `<rect width="100%" height="100%" fill="white"/>`,
    ...placed,
    "</svg>",
    "",
  ].join("\n");
}

export type Marks = Markish[];

export interface Figure {
  /** Of its file, without the ending. */
  readonly name: string;
  readonly svg: string;
}
