import picocolors from "picocolors";
import type { Colors } from "picocolors/types.js";
import type { TextOutput } from "../io.js";

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Whether an output shows colours. FORCE_COLOR decides where it is set, with Node's values; then NO_COLOR
 * (no-color.org); then whether it is a terminal.
 */
export function showsColors({ isTTY }: TextOutput, { FORCE_COLOR, NO_COLOR, TERM }: Environment): boolean {
  if (FORCE_COLOR !== undefined) return ["", "1", "true", "2", "3"].includes(FORCE_COLOR);
  return isTTY === true && !NO_COLOR && TERM !== "dumb";
}

/** A terminal that can move its cursor. Who wants no colours gets no moving lines either. */
export function isLively(output: TextOutput, environment: Environment): boolean {
  return output.isTTY === true && environment.TERM !== "dumb" && showsColors(output, environment);
}

/** Colours for an output; functions that change nothing where it shows none. */
export function colorsFor(output: TextOutput, environment: Environment): Colors {
  return picocolors.createColors(showsColors(output, environment));
}
