/** `amulet lab`: what is done with the tiny model and its language. Each has a file of its own. */
import type { Invocation, RunCommand } from "../../command.js";
import { usageError } from "../../errors.js";
import { didYouMean } from "../../options/suggest.js";
import { type OptionName, type OptionValues, optionsOf } from "../../options/table.js";

interface Action {
  /** The options that do something, beside those of every command. */
  readonly options: readonly OptionName[];
  load(): Promise<{ readonly run: RunCommand }>;
}

const actions: Readonly<Record<string, Action>> = {
  train: {
    options: ["steps", "rows", "learning-rate", "save-every", "resume", "out", "seed", "pairs", "backend"],
    load: () => import("./train.js"),
  },
  curve: {
    options: ["pairs", "out", "seed", "temperature", "max-new-tokens", "model", "backend"],
    load: () => import("./curve.js"),
  },
  score: { options: ["question", "preference"], load: () => import("./score.js") },
};
const names = Object.keys(actions);

export async function run({ words, ...invocation }: Invocation): Promise<void> {
  const [name, ...rest] = words;
  if (name === undefined) throw usageError(`What shall the lab do? There are: ${names.join(", ")}.`);
  if (!Object.hasOwn(actions, name)) {
    throw usageError(
      `There is no \`amulet lab ${name}\`.${didYouMean(name, names)} There are: ${names.join(", ")}.`,
    );
  }
  const action = actions[name]!;
  checkOptions(name, action, invocation.values);
  return (await action.load()).run({ ...invocation, words: rest });
}

/** The lab's commands share one table of options. @throws CliError `usage` */
function checkOptions(name: string, { options }: Action, values: OptionValues): void {
  const foreign = optionsOf("lab").find(
    (option) => values[option] !== undefined && ![...options, ...common].includes(option),
  );
  if (foreign === undefined) return;
  const owners = names.filter((owner) => actions[owner]!.options.includes(foreign));
  throw usageError(
    `--${foreign} does nothing with \`amulet lab ${name}\`; it belongs to ${owners.join(" and ")}.`,
  );
}

const common: readonly OptionName[] = ["json", "debug", "help"];
