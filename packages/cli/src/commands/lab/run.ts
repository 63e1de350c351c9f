/** `amulet lab`: each of its commands has a file of its own. */
import type { Invocation } from "../../command.js";
import { type Load, runAction } from "../../run-action.js";
import { type ActionName, type ActionValues, actionOptions, type LabValues } from "./command.js";

type Actions = { readonly [Name in ActionName]: Load<ActionValues<Name>> };

const actions: Actions = {
  train: () => import("./train.js"),
  curve: () => import("./curve.js"),
  score: () => import("./score.js"),
};

export async function run(invocation: Invocation<LabValues>): Promise<void> {
  await runAction("lab", actions, actionOptions, invocation);
}
