/**
 * Kernels that multiply with weights as their file stores them. The backend brings them, not this package: `startBackend`
 * of @amulet-ts/backends leaves them at the backend that it starts. Where there are none, weights are float32.
 */
import { backend } from "@tensorflow/tfjs-core";
import type { Weight } from "./weight.js";

/** A weight that is there, and not yet written. */
export interface EmptyWeight extends Weight {
  /** Puts whole rows, as the file has them, from row `first` on. */
  write(first: number, rows: Uint8Array): void;
}

export interface StoredKernels {
  /** The types that are multiplied as they are, in the words of files. */
  readonly storedTypes: readonly string[];
  /** Room for a weight of such a type. */
  hold(storedType: string, outputs: number, inputs: number): EmptyWeight;
}

/** Where a backend has them, by agreement with @amulet-ts/kernels. */
const agreedKey = Symbol.for("@amulet-ts/stored-kernels");

/** Those of the backend that runs now. */
export function storedKernels(): StoredKernels | undefined {
  return (backend() as { [agreedKey]?: StoredKernels })[agreedKey];
}
