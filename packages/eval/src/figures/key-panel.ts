/** What the colours of a figure mean, as a panel of its own. */
import { type Marks, type Plotter, palette } from "./panel.js";

export interface KeyLine {
  readonly row: number;
  readonly ink: keyof typeof palette;
  readonly text: string;
}

export function drawKeyPanel(lines: readonly KeyLine[], { Plot, draw }: Plotter): string {
  const texts = lines.map(({ row, ink, text }) => ({ row, ink: palette[ink], text }));
  const marks: Marks = [
    Plot.text(texts, {
      y: "row",
      text: "text",
      fill: "ink",
      frameAnchor: "left",
      textAnchor: "start",
      fontSize: 13,
    }),
  ];
  return draw({ marks, y: { axis: null, domain: [7, -1] }, color: { type: "identity" } });
}
