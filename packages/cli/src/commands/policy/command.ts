/** `amulet policy`: options and help. */
import { type Command, defineCommand } from "../../command.js";
import { flag, text, type ValuesOfGroups } from "../../options/kinds.js";
import { backendOption, commonOptions, strengthOptions } from "../../options/shared.js";

const options = {
  Strength: strengthOptions,
  Input: {
    input: text("FILE", "JSON with the logits; - reads standard input"),
    trajectory: flag("also the policies of every iteration"),
  },
  Common: { ...backendOption, ...commonOptions },
};
export type PolicyValues = ValuesOfGroups<typeof options>;

export const policy: Command = defineCommand({
  usage: "amulet policy --input FILE",
  summary: "the algorithm alone: logits in, policy out; needs no model",
  examples: [`echo '{"baseLogits": [[0, 1, 2]], "preferenceLogits": [[2, 1, 0]]}' | amulet policy --input -`],
  takes: "options only",
  options,
  load: () => import("./run.js"),
});
