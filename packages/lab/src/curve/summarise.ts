/** From cells to what each setting did on average, with its interval over the pairs. */
import { type BootstrapOptions, bootstrapMean, type Interval, meanOf } from "../statistics/index.js";
import type { Cell } from "./cell.js";
import { keyOf, type Setting } from "./settings.js";

/** The measures that come with an interval; `drift` in nats per token, the others between 0 and 1. */
export const measures = ["preference", "grammaticality", "relevance", "drift"] as const;
export type Measure = (typeof measures)[number];

/** One setting on some pairs. */
export interface SettingSummary extends Readonly<Record<Measure, Interval>> {
  readonly kind: Setting["kind"];
  readonly value: number;
  readonly pairs: number;
  /** Mean number of tokens of an answer. */
  readonly tokens: number;
  /** Share of the answers that were cut at the longest length. */
  readonly cut: number;
}

/** The cells of each setting in the order of the pairs. */
export type CellTable = ReadonlyMap<string, readonly Cell[]>;

/** @param keep tells which pairs count */
export function tabulate(cells: readonly Cell[], keep: (pair: number) => boolean): CellTable {
  const table = new Map<string, Cell[]>();
  for (const cell of cells) {
    if (!keep(cell.pair)) continue;
    const row = table.get(cell.setting);
    if (row) row.push(cell);
    else table.set(cell.setting, [cell]);
  }
  for (const row of table.values()) row.sort((a, b) => a.pair - b.pair);
  return table;
}

/** @param options equal for all settings, so that all intervals come from the same resamples of the pairs */
export function summarise(table: CellTable, setting: Setting, options: BootstrapOptions): SettingSummary {
  const cells = table.get(keyOf(setting)) ?? [];
  const intervals = measures.map((measure) => [measure, bootstrapMean(valuesOf(cells, measure), options)]);
  return {
    kind: setting.kind,
    value: setting.value,
    pairs: cells.length,
    ...(Object.fromEntries(intervals) as Record<Measure, Interval>),
    tokens: meanOf(cells.map(({ tokens }) => tokens)),
    cut: meanOf(cells.map(({ finishReason }) => Number(finishReason === "length"))),
  };
}

/** The values of a measure, one per pair; an empty answer drifted nowhere. */
export function valuesOf(cells: readonly Cell[], measure: Measure): number[] {
  return cells.map((cell) => cell[measure] ?? 0);
}
