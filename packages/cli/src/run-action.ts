/** Commands of commands, such as `amulet lab train`: which of them is meant, and whether it takes the options given. */
import type { Invocation, RunCommand } from "./command.js";
import { usageError } from "./errors.js";
import { commonOptions } from "./options/shared.js";
import { didYouMean } from "./options/suggest.js";

/** What an action does, loaded when it is called. */
export type Load<Values> = () => Promise<{ readonly run: RunCommand<Values> }>;

/** Which options do something in each action, beside those of every command. */
export type ActionOptions = Readonly<Record<string, readonly string[]>>;

/**
 * Runs the action that the first word names.
 *
 * @param command the command's name
 * @throws CliError `usage`
 */
export async function runAction<Values extends object>(
  command: string,
  actions: Readonly<Record<string, Load<never>>>,
  actionOptions: ActionOptions,
  { words, ...invocation }: Invocation<Values>,
): Promise<void> {
  const names = Object.keys(actions);
  const [name, ...rest] = words;
  if (name === undefined) {
    throw usageError(`What shall \`amulet ${command}\` do? There are: ${names.join(", ")}.`);
  }
  if (!Object.hasOwn(actions, name)) {
    throw usageError(
      `There is no \`amulet ${command} ${name}\`.${didYouMean(name, names)} There are: ${names.join(", ")}.`,
    );
  }
  checkOptions(command, name, actionOptions, invocation.values);
  const { run } = await actions[name]!();
  return run({ ...invocation, values: invocation.values as never, words: rest });
}

/** The actions of a command share one table of options. @throws CliError `usage` */
function checkOptions(command: string, name: string, actionOptions: ActionOptions, values: object): void {
  const takes = (action: string, option: string) =>
    actionOptions[action]!.includes(option) || Object.hasOwn(commonOptions, option);
  const foreign = Object.keys(values).find((option) => !takes(name, option));
  if (foreign === undefined) return;
  const owners = Object.keys(actionOptions).filter((owner) => takes(owner, foreign));
  if (owners.length === 0) throw usageError(`--${foreign} does nothing with \`amulet ${command}\`.`);
  throw usageError(
    `--${foreign} does nothing with \`amulet ${command} ${name}\`; it belongs to ${owners.join(" and ")}.`,
  );
}
