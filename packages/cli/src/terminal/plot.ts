/** Curves as characters. */

export interface Curve {
  /** One character. */
  readonly mark: string;
  /** At least 0, one per step; curves of a plot have the same number of steps. */
  readonly values: readonly number[];
}

export interface PlotSize {
  /** Cells of the plotting area. */
  readonly width: number;
  readonly height: number;
  /** What stands at the right end of the horizontal axis; the number of the last step where it is not given. */
  readonly last?: number;
}

/**
 * Curves over their steps, as lines. The vertical axis runs from 0 to the highest value, in percent; where curves
 * cross, the first one is seen.
 *
 * @param paint colours a mark of the curve with this index
 */
export function plotCurves(
  curves: readonly Curve[],
  { width, height, last }: PlotSize,
  paint: (mark: string, curve: number) => string = (mark) => mark,
): string[] {
  const steps = Math.max(1, ...curves.map(({ values }) => values.length));
  const columns = Math.min(width, steps);
  const top = curves
    .flatMap(({ values }) => values)
    .reduce((most, value) => Math.max(most, value), Number.MIN_VALUE);
  const grid = Array.from({ length: height }, () => Array<string>(columns).fill(" "));
  for (const [index, { mark, values }] of [...curves.entries()].reverse()) {
    for (let column = 0; column < columns; column++) {
      const step = columns === 1 ? 0 : Math.round((column * (steps - 1)) / (columns - 1));
      const row = Math.round((1 - values[step]! / top) * (height - 1));
      grid[row]![column] = paint(mark, index);
    }
  }
  const label = (row: number) =>
    `${((100 * top * (height - 1 - row)) / (height - 1)).toFixed(1)} %`.padStart(7);
  const isLabelled = (row: number) => row === 0 || row === height - 1 || row === (height - 1) >> 1;
  return [
    ...grid.map((cells, row) =>
      `${isLabelled(row) ? label(row) : " ".repeat(7)} ┤${cells.join("")}`.trimEnd(),
    ),
    `${" ".repeat(8)}└${"─".repeat(columns)}`,
    `${" ".repeat(9)}0${String(last ?? steps - 1).padStart(columns - 1)}`.trimEnd(),
  ];
}
