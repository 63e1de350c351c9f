import { CoreError } from "@amulet-ts/core";

/** Runs work that may end with whatever a signal's reason is: it then ends as every interrupted call of the house does. */
export async function interruptible<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
  throwIfAborted(signal);
  try {
    return await work();
  } catch (error) {
    throwIfAborted(signal);
    throw error;
  }
}

/** @throws CoreError `aborted` */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (!signal?.aborted) return;
  throw new CoreError("aborted", "Opening the model was interrupted.", { cause: signal.reason });
}
