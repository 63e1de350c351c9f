/** `amulet verify`: options and help. */
import { backendNames } from "@amulet-ts/backends";
import { type Command, defineCommand } from "../../command.js";
import { flag, number, positive, text, texts, type ValuesOfGroups, wholeFrom } from "../../options/kinds.js";
import { commonOptions, readEngine, seed } from "../../options/shared.js";
import { readBackends } from "./backends.js";

const options = {
  Answer: { seed },
  Verification: {
    runs: number("N", wholeFrom(1), "cases for each law; slow ones get a share (default 100)"),
    law: texts("NAME", "only this law; repeatable"),
    list: flag("the laws, with what they state and where that is from"),
    engine: {
      ...text(
        "ENGINE",
        "llama.cpp, or a server's address: the laws that apply to it (default: our own forward passes)",
      ),
      read: readEngine,
    },
    subject: text("FILE", "a module of JavaScript to judge instead of ours"),
    "case-timeout": number("SECONDS", positive, "the subject: most time for one case (default 10)"),
    "case-memory": number("MB", wholeFrom(64), "the subject: most memory (default 2048)"),
    path: text("PATH", "the counterexample of --law and --seed with this path"),
    report: text("FILE", "where to write a report in Markdown"),
    from: texts("FILE", "put together what earlier runs wrote with --json; repeatable"),
    backend: {
      ...texts("NAME", `${[...backendNames, "all"].join(", ")}; repeatable (default cpu and wasm)`),
      read: readBackends,
    },
  },
  Common: commonOptions,
};
export type VerifyValues = ValuesOfGroups<typeof options>;

export const verify: Command = defineCommand({
  usage: "amulet verify [--runs N] [--law NAME] [--backend NAME | --engine ENGINE | --subject FILE]",
  summary: "the laws of the algorithm and the forward passes, on every backend or on your own code",
  examples: [
    "amulet verify",
    "amulet verify --runs 1000 --backend all --report report.md",
    "amulet verify --law loop-equals-collapse --law budget-met",
    "amulet verify --subject ./my-step.mjs",
    "amulet verify --engine llama.cpp",
    "amulet verify --list",
  ],
  takes: "options only",
  options,
  load: () => import("./run.js"),
});
