import { throwIfAborted } from "@amulet-ts/core";

const what = "Opening the model";

/** Runs work that may end with whatever a signal's reason is: it then ends as every interrupted call of the house does. */
export async function interruptible<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
  throwIfAborted(signal, what);
  try {
    return await work();
  } catch (error) {
    throwIfAborted(signal, what);
    throw error;
  }
}
