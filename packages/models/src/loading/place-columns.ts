/** A matrix of the file, `[out, in]`, as columns of ours, `[in, out]`. */
import type { TensorSource } from "@amulet-ts/files";

/** Numbers of a matrix that are in JavaScript's memory beside its transpose. */
const elementsAtOnce = 2 ** 20;

/** Writes the rows of a tensor, a few at a time, as the columns of `target` that `order` gives them. */
export async function placeColumns(
  target: Float32Array,
  targetColumns: number,
  order: Uint32Array,
  source: TensorSource,
  shift: number,
): Promise<void> {
  const rows = order.length;
  const columns = source.shape[1] ?? 1;
  const count = Math.max(tile, Math.floor(elementsAtOnce / columns));
  for (let first = 0; first < rows; first += count) {
    const some = await source.readRows(first, Math.min(count, rows - first));
    const shifted = shift === 0 ? some : some.map((value) => value + shift);
    placeTransposed(target, targetColumns, order.subarray(first, first + count), shifted, columns);
  }
}

/** Rows and columns of a square that stays in the first-level cache on both sides. */
const tile = 32;

/** Writes row `i` of a source `[order.length, columns]` into column `order[i]` of `target`. */
function placeTransposed(
  target: Float32Array,
  targetColumns: number,
  order: Uint32Array,
  source: Float32Array,
  columns: number,
): void {
  const rows = order.length;
  for (let rowTile = 0; rowTile < rows; rowTile += tile) {
    const rowEnd = Math.min(rowTile + tile, rows);
    for (let columnTile = 0; columnTile < columns; columnTile += tile) {
      const columnEnd = Math.min(columnTile + tile, columns);
      for (let column = columnTile; column < columnEnd; column++) {
        const to = column * targetColumns;
        for (let row = rowTile; row < rowEnd; row++)
          target[to + order[row]!] = source[row * columns + column]!;
      }
    }
  }
}
