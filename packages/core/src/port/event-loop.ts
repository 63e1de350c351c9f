/**
 * Leaves of absence for the host: while an answer grows, timers, input and other requests have their turn.
 *
 * `scheduler.yield` is not used: it resumes before timers that are due, and an abort by timer must be heard.
 */

import { checkGiven, steps as givenSteps } from "./given.js";

interface Host {
  readonly setImmediate?: (callback: () => void) => void;
  readonly MessageChannel?: new () => { readonly port1: Port; readonly port2: Port };
  readonly setTimeout: (callback: () => void) => void;
}

interface Port {
  onmessage: (() => void) | null;
  postMessage(message: unknown): void;
  close(): void;
}

/** A turn costs some ten microseconds; at most one in this many milliseconds. Twice as often as a person could notice. */
const interval = 12;

/** When the event loop last turned through here, by `performance.now()`. One for all answers that grow side by side. */
let lastTurn = Number.NEGATIVE_INFINITY;

/**
 * Lets the event loop turn once, if it has not for 12 ms. To be awaited between any two steps: the host then waits no
 * longer than one step and 12 ms.
 */
export async function yieldToHost(): Promise<void> {
  if (performance.now() - lastTurn < interval) return;
  await turn();
  lastTurn = performance.now();
}

/** Work that can be left between any two of its steps. */
export type Steps<T> = Generator<unknown, T, undefined>;

/** Does it to its end, and lets the event loop turn in between wherever {@link yieldToHost} would. */
export async function takeTurns<T>(steps: Steps<T>): Promise<T> {
  checkGiven(steps, givenSteps, "The steps");
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value as T;
    await yieldToHost();
  }
}

function turn(): Promise<void> {
  const { setImmediate, MessageChannel, setTimeout } = globalThis as unknown as Host;
  if (setImmediate) return new Promise((resolve) => setImmediate(resolve));
  // Nested timeouts wait 4 ms in a page, messages don't.
  if (MessageChannel) return turnByMessage(new MessageChannel());
  return new Promise((resolve) => setTimeout(resolve));
}

function turnByMessage({ port1, port2 }: { readonly port1: Port; readonly port2: Port }): Promise<void> {
  return new Promise((resolve) => {
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(undefined);
  });
}
