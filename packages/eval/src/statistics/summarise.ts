/** From cells to what each setting did on average, with its interval over the pairs. */
import type { Cell } from "../cells/cell.js";
import { keyOf, type Setting } from "../grid/settings.js";
import { type BootstrapOptions, bootstrapDifference, type Interval, meanOf } from "./bootstrap.js";
import { bootstrapClusters } from "./cluster-bootstrap.js";

/** What comes with an interval: the scores, between 0 and 1, and `drift` in nats per token. */
export type MeasureOf<Name extends string> = Name | "drift";

type Intervals<Name extends string> = Readonly<Record<MeasureOf<Name>, Interval>>;

/** One setting on some pairs. */
export type SettingSummary<Name extends string = string> = Intervals<Name> & {
  readonly kind: Setting["kind"];
  readonly value: number;
  readonly pairs: number;
  /** Mean number of tokens of an answer. */
  readonly tokens: number;
  /** Share of the answers that were cut at the longest length. */
  readonly cut: number;
};

/** Two settings side by side, pair by pair: `after − before` of each measure. */
export interface Comparison<Name extends string = string> {
  readonly before: Setting;
  readonly after: Setting;
  readonly difference: Intervals<Name>;
}

export interface SummaryOptions extends BootstrapOptions {
  /** Of each pair the cluster that it belongs to, such as its question; each is one of its own where this is left out. */
  readonly clusterOf?: (pair: number) => string | number;
}

/** The cells of each setting in the order of the pairs. */
export type CellTable<Name extends string = string> = ReadonlyMap<string, readonly Cell<Name>[]>;

/** @param keep tells which pairs count; all where it is left out */
export function tabulate<Name extends string>(
  cells: readonly Cell<Name>[],
  keep: (pair: number) => boolean = () => true,
): CellTable<Name> {
  const table = new Map<string, Cell<Name>[]>();
  for (const cell of cells) {
    if (!keep(cell.pair)) continue;
    const row = table.get(cell.setting);
    if (row) row.push(cell);
    else table.set(cell.setting, [cell]);
  }
  for (const row of table.values()) row.sort((a, b) => a.pair - b.pair);
  return table;
}

/**
 * @param measures what to summarise, in the order in which the summary has them
 * @param options equal for all settings, so that all intervals come from the same resamples of the pairs
 */
export function summarise<Name extends string>(
  table: CellTable<Name>,
  setting: Setting,
  measures: readonly MeasureOf<Name>[],
  { clusterOf = (pair) => pair, ...options }: SummaryOptions = {},
): SettingSummary<Name> {
  const cells = cellsOf(table, setting);
  const clusters = cells.map(({ pair }) => clusterOf(pair));
  return {
    kind: setting.kind,
    value: setting.value,
    pairs: cells.length,
    ...each(measures, (measure) => bootstrapClusters(valuesOf(cells, measure), clusters, options)),
    tokens: meanOf(cells.map(({ tokens }) => tokens)),
    cut: meanOf(cells.map(({ finishReason }) => Number(finishReason === "length"))),
  };
}

/** The same measures of two settings, as differences on the pairs that have both. */
export function compareSettings<Name extends string>(
  table: CellTable<Name>,
  before: Setting,
  after: Setting,
  measures: readonly MeasureOf<Name>[],
  options: BootstrapOptions = {},
): Comparison<Name> {
  const [first, second] = cellsOfBoth(table, before, after);
  const difference = each(measures, (measure) =>
    bootstrapDifference(valuesOf(first, measure), valuesOf(second, measure), options),
  );
  return { before, after, difference };
}

/** A measure's differences `after − before` on the pairs that have both, and the pairs. */
export function differencesOf<Name extends string>(
  table: CellTable<Name>,
  before: Setting,
  after: Setting,
  measure: MeasureOf<Name>,
): { readonly values: number[]; readonly pairs: number[] } {
  const [first, second] = cellsOfBoth(table, before, after);
  const old = valuesOf(first, measure);
  const values = valuesOf(second, measure).map((value, i) => value - old[i]!);
  return { values, pairs: first.map(({ pair }) => pair) };
}

/** Share of the pairs with both to which two settings give the very same answer. */
export function agreement(table: CellTable, one: Setting, other: Setting): number {
  const [these, those] = cellsOfBoth(table, one, other);
  return these.filter(({ text }, i) => text === those[i]!.text).length / these.length;
}

function cellsOf<Name extends string>(table: CellTable<Name>, setting: Setting): readonly Cell<Name>[] {
  return table.get(keyOf(setting)) ?? [];
}

/** The cells of two settings side by side, a pair at a time. */
function cellsOfBoth<Name extends string>(table: CellTable<Name>, one: Setting, other: Setting) {
  const others = new Map(cellsOf(table, other).map((cell) => [cell.pair, cell]));
  const these = cellsOf(table, one).filter(({ pair }) => others.has(pair));
  return [these, these.map(({ pair }) => others.get(pair)!)] as const;
}

function each<Name extends string>(
  measures: readonly MeasureOf<Name>[],
  interval: (measure: MeasureOf<Name>) => Interval,
): Intervals<Name> {
  return Object.fromEntries(measures.map((measure) => [measure, interval(measure)])) as Intervals<Name>;
}

/** The values of a measure, one per pair; an empty answer drifted nowhere. */
function valuesOf<Name extends string>(cells: readonly Cell<Name>[], measure: MeasureOf<Name>): number[] {
  return cells.map(({ drift, scores }) => (measure === "drift" ? (drift ?? 0) : scores[measure as Name]));
}
