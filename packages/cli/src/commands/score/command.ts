/** `amulet score`: options and help. */
import { type Command, defineCommand } from "../../command.js";
import { texts, type ValuesOfGroups } from "../../options/kinds.js";
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
  Input: { answer: texts("TEXT", "an answer to score; repeatable") },
  Common: { ...modelOptions, ...commonOptions },
};
export type ScoreValues = ValuesOfGroups<typeof options>;

export const score: Command = defineCommand({
  usage: "amulet score QUESTION --preference TEXT --answer TEXT --model MODEL",
  summary: "how probable given answers are under each method",
  examples: [
    `amulet score ${exampleQuestion} ${examplePreference} --answer "Boil water, add tea." --answer "Tea is old." --model model.gguf`,
  ],
  takes: "question",
  options,
  load: () => import("./run.js"),
});
