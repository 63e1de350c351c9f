/** `amulet serve`: options and help. */
import { type Command, defineCommand } from "../../command.js";
import { notNegative, number, text, texts, type ValuesOfGroups, wholeFrom } from "../../options/kinds.js";
import { commonOptions, modelOptions } from "../../options/shared.js";

const port = {
  expected: "a whole number from 0 to 65535",
  holds: (value: number) => Number.isInteger(value) && value >= 0 && value <= 65_535,
};

const options = {
  Address: {
    host: text("HOST", "where it listens (default 127.0.0.1: this machine alone)"),
    port: number("PORT", port, "its port; 0 takes a free one (default 8080)"),
    "api-key": text("KEY", "what clients must send; better in the environment, as AMULET_API_KEY"),
    cors: texts(
      "ORIGIN",
      "pages of this origin may read answers, * of all; without it none from elsewhere can; repeatable",
    ),
  },
  Answers: {
    profile: texts(
      "NAME=TEXT",
      "a preference under a name, which clients choose as the model MODEL:NAME; repeatable",
    ),
    parallel: number("N", wholeFrom(1), "answers that grow side by side (default 8)"),
    queue: number("N", wholeFrom(0), "answers that may wait beyond those (default 64)"),
    "held-tokens": number(
      "N",
      wholeFrom(1),
      "tokens that running answers may hold at their ends (default 16384)",
    ),
    "prefix-tokens": number(
      "N",
      wholeFrom(0),
      "tokens kept of what was read, for prompts that begin alike (default 4096)",
    ),
    "max-new-tokens": number("N", wholeFrom(1), "longest answer where a client does not say (default 1024)"),
    grace: number("SECONDS", notNegative, "how long running answers have when it is ended (default 10)"),
  },
  Common: {
    ...modelOptions,
    ...commonOptions,
    json: { ...commonOptions.json, help: "a JSON object for each request" },
  },
};
export type ServeValues = ValuesOfGroups<typeof options>;

export const serve: Command = defineCommand({
  usage: "amulet serve --model MODEL",
  summary: "a server for any OpenAI client, whose answers follow a preference",
  examples: [
    "amulet serve",
    'amulet serve --model model.gguf --profile brief="Your answer should be concise."',
    "AMULET_API_KEY=… amulet serve --model model.gguf --engine llama.cpp --host 0.0.0.0",
    `curl localhost:8080/v1/chat/completions -d '{"messages": [{"role": "user", "content": "How do I make tea?"}]}'`,
  ],
  takes: "options only",
  options,
  load: () => import("./run.js"),
});
