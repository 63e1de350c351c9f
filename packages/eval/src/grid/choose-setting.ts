/** Picks one of many settings by a rule that is laid down before its numbers are seen. */
import type { Interval } from "../statistics/bootstrap.js";

/** Of the settings whose means reach all floors, the one with most of a measure. */
export interface ChoiceRule<Measure extends string> {
  readonly most: Measure;
  readonly floors: Readonly<Partial<Record<Measure, number>>>;
}

/**
 * @param candidates ascending: of equals the first is taken
 * @returns undefined where none reaches the floors
 */
export function chooseSetting<Measure extends string, S extends Readonly<Record<Measure, Interval>>>(
  candidates: readonly S[],
  { most, floors }: ChoiceRule<Measure>,
): S | undefined {
  const bounds = Object.entries(floors) as [Measure, number][];
  const fit = candidates.filter((candidate) =>
    bounds.every(([measure, floor]) => candidate[measure].mean >= floor),
  );
  const best = Math.max(...fit.map((candidate) => candidate[most].mean));
  return fit.find((candidate) => candidate[most].mean === best);
}
