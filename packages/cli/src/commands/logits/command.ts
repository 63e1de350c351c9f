/** `amulet logits`: options and help. */
import { type Command, defineCommand } from "../../command.js";
import { flag, tokenIds, type ValuesOfGroups } from "../../options/kinds.js";
import { commonOptions, modelOptions } from "../../options/shared.js";

const options = {
  Input: {
    ids: tokenIds("1,2,3", "the tokens to read"),
    last: flag("only the logits after the last token"),
  },
  Common: { ...modelOptions, ...commonOptions },
};
export type LogitsValues = ValuesOfGroups<typeof options>;

export const logits: Command = defineCommand({
  usage: "amulet logits --ids 1,2,3 [--last] --model MODEL",
  summary: "the model's raw next-token logits",
  examples: ["amulet logits --ids 1,2,3 --last --model model.gguf"],
  takes: "options only",
  options,
  load: () => import("./run.js"),
});
