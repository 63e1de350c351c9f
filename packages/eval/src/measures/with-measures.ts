/** Measures as scores of a run: beside those that are computed whenever they are wanted. */
import type { JudgedAnswer } from "../reports/run-cells.js";
import type { Scorer } from "../scorers/scorer.js";
import type { MeasureLine } from "./measure.js";

export interface MeasuredRun {
  readonly judged: readonly JudgedAnswer[];
  readonly scorer: Scorer;
  /** Names that only a part of the answers has, which no report can compare. */
  readonly partial: readonly string[];
}

/** Adds what every answer was measured for; of two that measured the same, the later one that saw every answer. */
export function withMeasures(
  judged: readonly JudgedAnswer[],
  scorer: Scorer,
  lines: readonly MeasureLine[],
): MeasuredRun {
  const columns = columnsOf(lines);
  const isWhole = (values: ReadonlyMap<string, number>) =>
    judged.every(({ answer }) => values.has(answer.key));
  const whole = new Map(
    columns.filter(({ values }) => isWhole(values)).map(({ name, values }) => [name, values]),
  );
  const names = [...whole.keys()].filter((name) => !scorer.names.includes(name));
  const add = (one: JudgedAnswer): JudgedAnswer => {
    const more = names.map((name) => [name, whole.get(name)!.get(one.answer.key)!]);
    return { ...one, cell: { ...one.cell, scores: { ...one.cell.scores, ...Object.fromEntries(more) } } };
  };
  return {
    judged: names.length === 0 ? judged : judged.map(add),
    scorer: { ...scorer, names: [...scorer.names, ...names] },
    partial: [...new Set(columns.map(({ name }) => name))].filter((name) => !whole.has(name)),
  };
}

interface Column {
  readonly name: string;
  readonly values: Map<string, number>;
}

/** A column for each measure and name, the one that was begun last at the end. */
function columnsOf(lines: readonly MeasureLine[]): Column[] {
  const found = new Map<string, Column>();
  for (const { key, by, values } of lines) {
    for (const [name, value] of Object.entries(values)) {
      const place = JSON.stringify([by, name]);
      const column = found.get(place) ?? { name, values: new Map() };
      column.values.set(key, value);
      found.set(place, column);
    }
  }
  return [...found.values()];
}
