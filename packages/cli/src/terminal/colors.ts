import picocolors from "picocolors";
import type { Colors } from "picocolors/types.js";
import type { TextOutput } from "../io.js";

type Environment = Readonly<Record<string, string | undefined>>;

/** A terminal that can move its cursor and show colours; NO_COLOR (no-color.org) turns both off. */
export function isLively(output: TextOutput, environment: Environment): boolean {
  return output.isTTY === true && !environment.NO_COLOR && environment.TERM !== "dumb";
}

/** Colours for an output; functions that change nothing where it shows none. */
export function colorsFor(output: TextOutput, environment: Environment): Colors {
  return picocolors.createColors(isLively(output, environment));
}
