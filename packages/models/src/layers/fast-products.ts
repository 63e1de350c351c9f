/**
 * How the running backend multiplies. The backend says it, not this package: `startBackend` of @amulet-ts/backends
 * leaves it at the backend that it starts. Of one that was started by other means nothing is known, and what is right
 * everywhere is done.
 */
import { backend } from "@tensorflow/tfjs-core";

/** Which products take no longer than the same work done by products of two plain matrices. */
export interface FastProducts {
  /** Stacks of matrices; where they do not, matrices are multiplied one by one. */
  readonly stacks: boolean;
  /** Those with a factor turned over; where they do not, what is multiplied lies as products want it, `[in, out]`. */
  readonly turned: boolean;
}

/** Where a backend has it, by agreement with @amulet-ts/backends. */
const agreedKey = Symbol.for("@amulet-ts/fast-products");

const nothingKnown: FastProducts = { stacks: false, turned: false };

/** What is known of the backend that runs now. */
export function fastProducts(): FastProducts {
  return (backend() as { [agreedKey]?: FastProducts })[agreedKey] ?? nothingKnown;
}
