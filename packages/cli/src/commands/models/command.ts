/** `amulet models`: options and help. */
import { type Command, defineCommand } from "../../command.js";
import type { ValuesOfGroups } from "../../options/kinds.js";
import { commonOptions } from "../../options/shared.js";

const options = { Common: commonOptions };
export type ModelsValues = ValuesOfGroups<typeof options>;

export const models: Command = defineCommand({
  usage: "amulet models [list | pull ID | path ID | remove ID]",
  summary: "models of the hub in the local cache; ID is org/name[:file.gguf][@revision]",
  examples: [
    "amulet models pull HuggingFaceTB/SmolLM2-135M-Instruct",
    "amulet models pull org/name:file.gguf@main",
    "amulet models list --json",
    "amulet models remove org/name",
  ],
  takes: "words",
  options,
  load: () => import("./run.js"),
});
