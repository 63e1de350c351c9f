/** Rows of a weight in its file's bytes. */
import { KernelsError } from "./errors.js";
import type { StoredType } from "./stored-types.js";

export function bytesOfRow({ blockSize, bytesPerBlock }: StoredType, inputs: number): number {
  return (inputs / blockSize) * bytesPerBlock;
}

/** @throws KernelsError `bad-weight` for a row that is no whole blocks */
export function checkRow({ name, blockSize }: StoredType, inputs: number): void {
  if (inputs % blockSize === 0) return;
  throw new KernelsError(
    "bad-weight",
    `A row of ${inputs} numbers is no whole number of ${name} blocks of ${blockSize}.`,
  );
}
