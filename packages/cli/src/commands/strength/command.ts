/** `amulet strength`: options and help. */
import { type Command, defineCommand } from "../../command.js";
import type { ValuesOfGroups } from "../../options/kinds.js";
import { commonOptions, strengthOptions } from "../../options/shared.js";

const options = { Strength: strengthOptions, Common: commonOptions };
export type StrengthCommandValues = ValuesOfGroups<typeof options>;

export const strength: Command = defineCommand({
  usage: "amulet strength [--iterations T] [--alpha α] [--lambda λ] [--eta η] | --guidance-scale X",
  summary: "x, γ and their names elsewhere; and back",
  examples: ["amulet strength --iterations 20", "amulet strength --guidance-scale 3"],
  takes: "options only",
  options,
  load: () => import("./run.js"),
});
