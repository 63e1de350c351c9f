/** A tensor a few rows at a time: between two pieces the host has its turn, and an abort is heard. */
import { throwIfAborted, yieldToHost } from "@amulet-ts/core";

/** Numbers that are read and decoded at once: some milliseconds. */
const numbersAtOnce = 2 ** 20;

/** Rows `[first, end)` of a matrix. */
export interface RowRange {
  readonly first: number;
  readonly end: number;
}

/**
 * The rows of a matrix in pieces of about a million numbers.
 *
 * @param atLeast rows of a piece, where there are so many
 * @throws CoreError `aborted`
 */
export async function* inPieces(
  [rows, columns]: readonly [rows: number, columns: number],
  signal: AbortSignal | undefined,
  atLeast = 1,
): AsyncGenerator<RowRange, void, void> {
  const count = Math.max(atLeast, Math.floor(numbersAtOnce / columns));
  for (let first = 0; first < rows; first += count) {
    await yieldToHost();
    throwIfAborted(signal, "Loading the model");
    yield { first, end: Math.min(rows, first + count) };
  }
}
