/** `amulet explore`: options and help. */
import { type Command, defineCommand } from "../../command.js";
import { flag, number, type ValuesOfGroups } from "../../options/kinds.js";
import { commonOptions } from "../../options/shared.js";

const port = {
  expected: "a whole number from 0 to 65535",
  holds: (value: number) => Number.isInteger(value) && value >= 0 && value <= 65_535,
};

const options = {
  Page: {
    port: number("PORT", port, "its port on this machine; 0, the default, takes a free one"),
    "no-open": flag("open no browser"),
  },
  Common: commonOptions,
};
export type ExploreValues = ValuesOfGroups<typeof options>;

export const explore: Command = defineCommand({
  usage: "amulet explore [--port PORT] [--no-open]",
  summary: "a page on which one sees what becomes of an answer, token by token, with a model inside",
  examples: ["amulet explore", "amulet explore --port 8000 --no-open"],
  takes: "options only",
  options,
  load: () => import("./run.js"),
});
