/** Work that can be left between any two of its steps, so that others have their turn. */

export type Steps<T> = Generator<undefined, T, undefined>;

/** Characters that are cut into words, or merges of one word, in a step: about a millisecond. */
export const sizeOfStep = 2048;

/** All of it at once. */
export function finish<T>(steps: Steps<T>): T {
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}
