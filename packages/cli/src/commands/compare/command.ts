/** `amulet compare`: options and help. */
import { type Command, defineCommand } from "../../command.js";
import type { ValuesOfGroups } from "../../options/kinds.js";
import {
  answerOptions,
  commonOptions,
  examplePreference,
  exampleQuestion,
  methodOptions,
  modelOptions,
  promptOptions,
} from "../../options/shared.js";

const options = {
  Prompt: promptOptions,
  Strength: methodOptions,
  Answer: answerOptions,
  Common: { ...modelOptions, ...commonOptions },
};
export type CompareValues = ValuesOfGroups<typeof options>;

export const compare: Command = defineCommand({
  usage: "amulet [compare] QUESTION --preference TEXT --model MODEL",
  summary: "base, pref, la, amulet and bounded amulet side by side",
  examples: [
    `amulet ${exampleQuestion} ${examplePreference} --model model.gguf`,
    `amulet compare ${exampleQuestion} ${examplePreference} --model model.gguf --guidance-scale 2`,
  ],
  takes: "question",
  options,
  load: () => import("./run.js"),
});
