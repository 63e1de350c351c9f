/** `amulet inspect`: options and help. */
import { type Command, defineCommand } from "../../command.js";
import { number, type ValuesOfGroups, wholeFrom } from "../../options/kinds.js";
import {
  commonOptions,
  examplePreference,
  exampleQuestion,
  modelOptions,
  parameterOptions,
  promptOptions,
} from "../../options/shared.js";

const options = {
  Prompt: promptOptions,
  Strength: parameterOptions,
  Input: { at: number("N", wholeFrom(0), "which token of the answer; the first, the default, is 0") },
  Common: { ...modelOptions, ...commonOptions },
};
export type InspectValues = ValuesOfGroups<typeof options>;

export const inspect: Command = defineCommand({
  usage: "amulet inspect QUESTION --preference TEXT [--at N] --model MODEL",
  summary: "one token under the loupe: its candidates from iteration 0 to T",
  examples: [
    `amulet inspect ${exampleQuestion} ${examplePreference} --model model.gguf`,
    `amulet inspect ${exampleQuestion} ${examplePreference} --model model.gguf --at 3 --alpha 1`,
  ],
  takes: "question",
  options,
  load: () => import("./run.js"),
});
