/** From what a server told of each row to columns that the rows of an answer have in common. */
import { impossible, type WeighedRows } from "@amulet-ts/core";
import type { LogProbabilitiesById } from "./servers/server.js";

/** Columns of all rows: values are log-probabilities, those of a row where the server told them of it. */
export interface JoinedColumns {
  readonly ids_C: readonly number[];
  /** Row by row, `[R · C]`. */
  readonly logs: Float32Array;
  /** log of what those of each row weigh together that were not told, `[R]`. */
  readonly logRests: Float32Array;
  /** log of the most that one of these tokens weighs, `[R]`. */
  readonly logMosts: Float32Array;
}

/** The sum of a row may be off by this much, so that a rest is never nothing: servers round. */
const leastRest = 2 ** -17;

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
 * What was told of any row is a column. A row that was not told it has a column there that can't be chosen, and which counts
 * to its rest: it weighs no more than the least of the row's best tokens, and no more than all that is missing.
 *
 * @param leasts log-probability of the least probable of each row's best tokens; −∞ where they are all there are
 */
export function joinColumns(
  known: readonly LogProbabilitiesById[],
  leasts: readonly number[],
): JoinedColumns {
  const ids_C = [...new Set(known.flatMap((row) => [...row.keys()]))];
  const columnOf = new Map(ids_C.map((id, column) => [id, column]));
  const C = ids_C.length;
  const logs = new Float32Array(known.length * C).fill(impossible);
  const logRests = new Float32Array(known.length);
  const logMosts = new Float32Array(known.length);
  for (const [r, row] of known.entries()) {
    let given = 0;
    for (const [id, log] of row) {
      logs[r * C + columnOf.get(id)!] = log;
      given += Math.exp(log);
    }
    const rest = Math.max(0, 1 - given) + leastRest;
    logRests[r] = Math.log(rest);
    logMosts[r] = Math.min(leasts[r]!, logRests[r]!);
  }
  return { ids_C, logs, logRests, logMosts };
}
