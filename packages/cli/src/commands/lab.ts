/** `amulet lab`: what is done with the tiny model and its language. Each has a file of its own. */
import type { Invocation, RunCommand } from "../command.js";
import { usageError } from "../errors.js";
import { didYouMean } from "../suggest.js";

const actions: Readonly<Record<string, () => Promise<{ readonly run: RunCommand }>>> = {
  train: () => import("./lab-train.js"),
  curve: () => import("./lab-curve.js"),
  score: () => import("./lab-score.js"),
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
  const action = await actions[name]!();
  return action.run({ ...invocation, words: rest });
}
