/** From columns to token ids and back: the one place that knows which token a column is. */

/** The logarithm of what can't be chosen: a column that is given at other positions only. */
export const impossible = -1e4;

/** Between the logarithms of the least probable float64 and of what can't be chosen. */
export const leastPossible = -5e3;

export interface Columns {
  /** C: how many tokens are given. */
  readonly count: number;
  /** Whether a column's number is its token's id. */
  readonly isWhole: boolean;
  idOf(column: number): number;
  /** Undefined where the token has no column. */
  columnOf(id: number): number | undefined;
}

/** @param ids_C the tokens of the columns, see `Next`; absent where all have one */
export function readColumns(count: number, ids_C?: ArrayLike<number>): Columns {
  if (!ids_C) return wholeVocabulary(count);
  const columns = new Map(Array.from(ids_C, (id, column) => [id, column]));
  return {
    count,
    isWhole: false,
    idOf: (column) => ids_C[column]!,
    columnOf: (id) => columns.get(id),
  };
}

function wholeVocabulary(count: number): Columns {
  return {
    count,
    isWhole: true,
    idOf: (column) => column,
    columnOf: (id) => (Number.isInteger(id) && id >= 0 && id < count ? id : undefined),
  };
}
