/** `amulet lab`: which of its commands is meant. Each has a file of its own. */
import type { Invocation, RunCommand } from "../../command.js";
import { usageError } from "../../errors.js";
import { commonOptions } from "../../options/shared.js";
import { didYouMean } from "../../options/suggest.js";
import { type ActionName, type ActionValues, actionOptions, type LabValues } from "./command.js";

type Actions = {
  readonly [Name in ActionName]: () => Promise<{ readonly run: RunCommand<ActionValues<Name>> }>;
};

const actions: Actions = {
  train: () => import("./train.js"),
  curve: () => import("./curve.js"),
  score: () => import("./score.js"),
};
const names = Object.keys(actions) as readonly ActionName[];

export async function run({ words, ...invocation }: Invocation<LabValues>): Promise<void> {
  const [name, ...rest] = words;
  if (name === undefined) throw usageError(`What shall the lab do? There are: ${names.join(", ")}.`);
  if (!isAction(name)) {
    throw usageError(
      `There is no \`amulet lab ${name}\`.${didYouMean(name, names)} There are: ${names.join(", ")}.`,
    );
  }
  checkOptions(name, invocation.values);
  const action = await actions[name]();
  return action.run({ ...invocation, words: rest });
}

function isAction(name: string): name is ActionName {
  return Object.hasOwn(actions, name);
}

/** The lab's commands share one table of options. @throws CliError `usage` */
function checkOptions(name: ActionName, values: LabValues): void {
  const takes = (action: ActionName, option: string) =>
    actionOptions[action].some((own) => own === option) || Object.hasOwn(commonOptions, option);
  const foreign = Object.keys(values).find((option) => !takes(name, option));
  if (foreign === undefined) return;
  const owners = names.filter((owner) => takes(owner, foreign));
  throw usageError(
    `--${foreign} does nothing with \`amulet lab ${name}\`; it belongs to ${owners.join(" and ")}.`,
  );
}
