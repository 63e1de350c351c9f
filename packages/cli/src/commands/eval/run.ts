/** `amulet eval`: each of its commands has a file of its own. */
import type { Invocation } from "../../command.js";
import { type Load, runAction } from "../../run-action.js";
import { type ActionName, type ActionValues, actionOptions, type EvalValues } from "./command.js";

type Actions = { readonly [Name in ActionName]: Load<ActionValues<Name>> };

const actions: Actions = {
  run: () => import("./answer.js"),
  status: () => import("./status.js"),
  judge: () => import("./judge.js"),
  report: () => import("./report.js"),
  export: () => import("./export.js"),
  merge: () => import("./merge.js"),
};

export async function run(invocation: Invocation<EvalValues>): Promise<void> {
  await runAction("eval", actions, actionOptions, invocation);
}
