/** Which preference a `--weight` belongs to: the one that stands before it. */
import { usageError } from "../errors.js";

/** An option as it was written, in its place among the others. */
export interface WrittenOption {
  readonly name: string;
  readonly text: string;
}

/**
 * @returns one text for each preference, `1` where none is given
 * @throws CliError `usage` for a weight with no preference before it, or two for one
 */
export function alignWeights(sequence: readonly WrittenOption[]): string[] {
  const weights: (string | undefined)[] = [];
  for (const { name, text } of sequence) {
    if (name === "preference") weights.push(undefined);
    if (name !== "weight") continue;
    if (weights.length === 0) {
      throw usageError(`--weight ${text} has no --preference before it: write one after each preference.`);
    }
    const last = weights.length - 1;
    if (weights[last] !== undefined) {
      throw usageError(
        `Preference ${weights.length} has two weights, ${weights[last]} and ${text}: write one --weight after each --preference.`,
      );
    }
    weights[last] = text;
  }
  return weights.map((weight) => weight ?? "1");
}
