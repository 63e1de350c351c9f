import type { Io } from "./io.js";
import type { OptionValues } from "./options/table.js";

/** A checked call of a command. */
export interface Invocation {
  readonly values: OptionValues;
  readonly question?: string;
  /** What stands behind the command's name, of commands that take several words. */
  readonly words: readonly string[];
  readonly io: Io;
}

/** What each file in commands/ exports as `run`. It resolves when all is written. */
export type RunCommand = (invocation: Invocation) => Promise<void>;
