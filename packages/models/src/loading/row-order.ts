/** Rows of a tensor in the file's order and in ours. */
import type { PlannedPart } from "./plan-parameters.js";

/** For each row of the file the row of ours: the same, unless llama.cpp interleaved the two halves of each head. */
export function rowOrder({
  source,
  interleavedHeads,
}: Pick<PlannedPart, "source" | "interleavedHeads">): Uint32Array {
  const rows = source.shape[0]!;
  const order = Uint32Array.from({ length: rows }, (_, row) => row);
  if (interleavedHeads === undefined) return order;
  const headWidth = rows / interleavedHeads;
  return order.map((row) => {
    const channel = row % headWidth;
    return row - channel + (channel >> 1) + (channel % 2) * (headWidth / 2);
  });
}

/** The bytes of rows at the places that `order` gives them; the same array where all stay. */
export function orderRows(bytes: Uint8Array, order: Uint32Array): Uint8Array {
  if (order.every((place, row) => place === row)) return bytes;
  const rowBytes = bytes.length / order.length;
  const ordered = new Uint8Array(bytes.length);
  for (const [row, place] of order.entries())
    ordered.set(bytes.subarray(row * rowBytes, (row + 1) * rowBytes), place * rowBytes);
  return ordered;
}

/** The bytes of a matrix turned, number by number; types of more than one number to a block have no inputs first. */
export function turnMatrix(
  bytes: Uint8Array,
  [rows, columns]: readonly [number, number],
  bytesPerNumber: number,
): Uint8Array {
  const turned = new Uint8Array(bytes.length);
  for (let row = 0, from = 0; row < rows; row++)
    for (let column = 0; column < columns; column++)
      for (let i = 0; i < bytesPerNumber; i++, from++)
        turned[(column * rows + row) * bytesPerNumber + i] = bytes[from]!;
  return turned;
}
