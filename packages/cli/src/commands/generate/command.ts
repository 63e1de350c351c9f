/** `amulet generate`: options and help. */
import { type Command, defineCommand } from "../../command.js";
import {
  anyFinite,
  choice,
  flag,
  number,
  text,
  type ValuesOfGroups,
  wholeFrom,
} from "../../options/kinds.js";
import {
  answerOptions,
  commonOptions,
  examplePreference,
  exampleQuestion,
  methodOptions,
  modelOptions,
  promptOptions,
} from "../../options/shared.js";

export const methodNames = ["base", "pref", "beam", "la", "amulet", "amulet-exact", "bounded"] as const;
export type MethodName = (typeof methodNames)[number];

const {
  stop,
  "repetition-penalty": repetitionPenalty,
  "presence-penalty": presencePenalty,
  ...choosing
} = answerOptions;

const options = {
  Prompt: promptOptions,
  Strength: {
    method: choice("NAME", methodNames, "how to decode (default amulet)"),
    ...methodOptions,
    "strength-schedule": text("PARTS", 'x by token, such as "1:0..8, 5.6:8.."'),
    beams: number("N", wholeFrom(1), "answers that --method beam keeps (default 16)"),
    "length-penalty": number("P", anyFinite, "beam: above 1 favours long answers (default 1)"),
  },
  Answer: {
    ...choosing,
    explain: flag("what the preference changed at each token"),
    stop,
    "repetition-penalty": repetitionPenalty,
    "presence-penalty": presencePenalty,
  },
  Common: { ...modelOptions, ...commonOptions },
};
export type GenerateValues = ValuesOfGroups<typeof options>;

export const generate: Command = defineCommand({
  usage: "amulet generate QUESTION --preference TEXT --model MODEL",
  summary: "one answer, streamed to standard output",
  examples: [
    `amulet generate ${exampleQuestion} ${examplePreference} --model model.gguf`,
    `amulet generate ${exampleQuestion} ${examplePreference} --weight 1.5 --kl-budget 0.2 --explain --model model.gguf`,
    `echo ${exampleQuestion} | amulet generate - ${examplePreference} --model model.gguf --json`,
  ],
  takes: "question",
  options,
  load: () => import("./run.js"),
});
