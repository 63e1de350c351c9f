/** `amulet tokenize`: options and help. */
import { type Command, defineCommand } from "../../command.js";
import { text, type ValuesOfGroups } from "../../options/kinds.js";
import { commonOptions, modelOptions } from "../../options/shared.js";

const options = {
  Input: {
    text: text("TEXT", "the text to cut into tokens"),
    chat: text("FILE", "JSON with messages, rendered with the model's template; - reads standard input"),
  },
  Common: { ...modelOptions, ...commonOptions },
};
export type TokenizeValues = ValuesOfGroups<typeof options>;

export const tokenize: Command = defineCommand({
  usage: "amulet tokenize --text TEXT | --chat FILE --model MODEL",
  summary: "ids and pieces of a text, or of a chat rendered with the model's template",
  examples: ['amulet tokenize --text "Hello, world" --model model.gguf'],
  takes: "options only",
  options,
  load: () => import("./run.js"),
});
