/** The largest of many values, on the host. */
import { checkGiven, count, numbers } from "../port/given.js";

/** Index of the largest value; the first of equals. */
export function argMax(values: ArrayLike<number>): number {
  checkGiven(values, numbers, "The values");
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i;
  return best;
}

/** Indices of the k largest values, largest first; of equals, the first one comes first. */
export function topK(values: ArrayLike<number>, k: number): number[] {
  checkGiven(values, numbers, "The values");
  checkGiven(k, count, "k");
  if (k === 0) return [];
  const best: number[] = [];
  for (let i = 0; i < values.length; i++) {
    if (best.length === k && !(values[i]! > values[best[k - 1]!]!)) continue;
    const at = best.findIndex((index) => values[index]! < values[i]!);
    best.splice(at < 0 ? best.length : at, 0, i);
    if (best.length > k) best.pop();
  }
  return best;
}
