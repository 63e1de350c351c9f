/** A setting for each question, chosen on all the others: no question has a say in the strength that it is answered with. */
import type { Cell } from "../cells/cell.js";
import { type CellTable, tabulate } from "../statistics/summarise.js";
import { keyOf, type Setting } from "./settings.js";

/** What was chosen for each cluster of pairs, and its cells under that setting. */
export interface ApartChoice<Name extends string> {
  readonly chosen: ReadonlyMap<string | number, Setting>;
  readonly cells: readonly Cell<Name>[];
}

/**
 * @param clusterOf of each pair the cluster, such as its question, that is left out as one
 * @param choose picks a setting by the cells of all other clusters
 */
export function chooseApart<Name extends string>(
  cells: readonly Cell<Name>[],
  clusterOf: (pair: number) => string | number,
  choose: (others: CellTable<Name>) => Setting,
): ApartChoice<Name> {
  const clusters = new Set(cells.map(({ pair }) => clusterOf(pair)));
  const choiceFor = (cluster: string | number) =>
    choose(tabulate(cells, (pair) => clusterOf(pair) !== cluster));
  const chosen = new Map([...clusters].map((cluster) => [cluster, choiceFor(cluster)]));
  return {
    chosen,
    cells: cells.filter(({ pair, setting }) => setting === keyOf(chosen.get(clusterOf(pair))!)),
  };
}
