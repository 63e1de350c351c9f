/** A matrix of the file, usually `[out, in]`, as columns of one that products want, `[in, out]`. */

import { inPieces } from "./pieces.js";
import type { PlannedPart } from "./plan-parameters.js";
import { rowOrder } from "./row-order.js";

/** Writes a part's outputs, read a few rows at a time, as columns of `target` from `firstColumn` on. */
export async function placeColumns(
  target: Float32Array,
  targetColumns: number,
  firstColumn: number,
  part: PlannedPart,
  signal?: AbortSignal,
): Promise<void> {
  const [rows, columns] = part.source.shape as readonly [number, number];
  const order = rowOrder(part).map((place) => firstColumn + place);
  for await (const { first, end } of inPieces([rows, columns], signal, tile)) {
    const some = await part.source.readRows(first, end - first);
    if (part.inputsFirst) placeBeside(target, targetColumns, firstColumn, first, some, columns);
    else placeTransposed(target, targetColumns, order.subarray(first, end), some, columns);
  }
}

/** Writes rows `[out]` of inputs from `firstInput` on, as they are. */
function placeBeside(
  target: Float32Array,
  targetColumns: number,
  firstColumn: number,
  firstInput: number,
  source: Float32Array,
  columns: number,
): void {
  for (let from = 0, input = firstInput; from < source.length; from += columns, input++)
    target.set(source.subarray(from, from + columns), input * targetColumns + firstColumn);
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
