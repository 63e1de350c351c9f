/** What a command is: its options and help, which are loaded at once, and its code, which is loaded when it is called. */
import type { Io } from "./io.js";
import type { OptionGroups, OptionSpec, ValuesOfGroups } from "./options/kinds.js";

/** A checked call of a command. */
export interface Invocation<Values> {
  /** What its options amount to. */
  readonly values: Values;
  readonly question?: string;
  /** What stands behind the command's name, of commands that take several words. */
  readonly words: readonly string[];
  readonly io: Io;
}

/** What a command's code exports as `run`. It resolves when all is written. */
export type RunCommand<Values> = (invocation: Invocation<Values>) => Promise<void>;

interface CommandFacts {
  readonly usage: string;
  /** One line of the help. */
  readonly summary: string;
  readonly examples: readonly string[];
  /** What may stand behind the command's name beside options: one question, or words that it reads itself. */
  readonly takes: "question" | "words" | "options only";
}

interface TypedCommand<Groups extends OptionGroups> extends CommandFacts {
  readonly options: Groups;
  load(): Promise<{ readonly run: RunCommand<ValuesOfGroups<Groups>> }>;
}

/** A command as the parser and the help see it. */
export interface Command extends CommandFacts {
  readonly options: OptionGroups;
  load(): Promise<{ run(invocation: Invocation<Readonly<Record<string, unknown>>>): Promise<void> }>;
}

/** Holds a command's code to the options that it names: it can read no other. */
export function defineCommand<const Groups extends OptionGroups>(command: TypedCommand<Groups>): Command {
  return command;
}

/** All options of a command by name, in the order of its help. */
export function optionsOf({ options }: Command): Readonly<Record<string, OptionSpec<unknown>>> {
  return Object.assign({}, ...Object.values(options));
}
