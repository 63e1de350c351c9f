/** From what a server told of each row to columns that the rows of an answer have in common. */
import type { WeighedRows } from "@amulet-ts/core";
import type { LogProbabilitiesById } from "./servers/server.js";

/** Columns of all rows: values are log-probabilities, exact where a column belongs to the row's answer. */
export interface JoinedColumns {
  readonly ids_C: readonly number[];
  /** Row by row, `[R · C]`. */
  readonly logs: Float32Array;
  /** log of what each row's tokens without a column weigh together, `[R]`. */
  readonly logRests: Float32Array;
  /** log of the most that one of these tokens weighs, `[R]`. */
  readonly logMosts: Float32Array;
}

/** The logarithm of what can't be chosen, as core writes it. */
const impossible = -1e4;

/** What float32 tells from 1, so that a rest is never nothing: servers round. */
const leastRest = 2 ** -24;

/** Rows that share an answer, directly or by others, each row in one group. */
export function groupRows(rowCount: number, weighed: readonly Pick<WeighedRows, "rows">[]): number[][] {
  let groups = Array.from({ length: rowCount }, (_, row) => [row]);
  for (const { rows } of weighed) {
    const touched = groups.filter((group) => group.some((row) => rows.includes(row)));
    if (touched.length < 2) continue;
    groups = [...groups.filter((group) => !touched.includes(group)), touched.flat().sort((a, b) => a - b)];
  }
  return groups;
}

/**
 * The tokens of which every row of a group is known are its columns; what else was told goes into the rest. Rows of other
 * groups have the column too, as one that can't be chosen.
 *
 * @param leasts log-probability of the least probable of each row's best tokens: those that were not told weigh no more
 */
export function joinColumns(
  known: readonly LogProbabilitiesById[],
  groups: readonly (readonly number[])[],
  leasts: readonly number[],
): JoinedColumns {
  const common = groups.map(([first, ...others]) =>
    [...known[first!]!.keys()].filter((id) => others.every((row) => known[row]!.has(id))),
  );
  const ids_C = [...new Set(common.flat())];
  const columnOf = new Map(ids_C.map((id, column) => [id, column]));
  const C = ids_C.length;
  const logs = new Float32Array(known.length * C).fill(impossible);
  const logRests = new Float32Array(known.length);
  const logMosts = new Float32Array(known.length);
  for (const [g, group] of groups.entries()) {
    const shared = new Set(common[g]);
    for (const row of group) {
      let given = 0;
      for (const id of common[g]!) {
        const log = known[row]!.get(id)!;
        logs[row * C + columnOf.get(id)!] = log;
        given += Math.exp(log);
      }
      logRests[row] = Math.log(Math.max(leastRest, 1 - given));
      logMosts[row] = leasts[row]!;
      for (const [id, log] of known[row]!) if (!shared.has(id)) logMosts[row] = Math.max(logMosts[row]!, log);
    }
  }
  return { ids_C, logs, logRests, logMosts };
}
