/** Work that can be left between any two of its steps, so that others have their turn. */

export type Steps<T> = Generator<undefined, T, undefined>;

/** Characters that are cut into words, or merges of one word, in a step: about a millisecond. */
export const sizeOfStep = 2048;

/** How long those who have other things to do wait at most, in milliseconds, beside one step. */
const longestStretch = 12;

/** All of it, while the event loop turns in between. */
export async function finishInTurns<T>(steps: Steps<T>): Promise<T> {
  for (let turned = performance.now(); ; ) {
    const { done, value } = steps.next();
    if (done) return value;
    if (performance.now() - turned < longestStretch) continue;
    await new Promise<void>((resolve) => (globalThis.setImmediate ?? setTimeout)(resolve));
    turned = performance.now();
  }
}

/** All of it at once. */
export function finish<T>(steps: Steps<T>): T {
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}
