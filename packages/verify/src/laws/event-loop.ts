/** Turns of the event loop while cases are tried, so that timers run and a signal by timer is heard. */

/** Milliseconds of work between two turns. */
const interval = 25;

/** When the event loop last turned through here. */
let lastTurn = Number.NEGATIVE_INFINITY;

/** Lets the event loop turn once, if it has not for 25 ms. In Node and in browsers. */
export async function yieldToHost(): Promise<void> {
  if (performance.now() - lastTurn < interval) return;
  await new Promise((resolve) => setTimeout(resolve, 0));
  lastTurn = performance.now();
}
