/** Questions of the hub's data sets: brought by the project's own client from a hub on this machine. */
import { gzipSync } from "node:zlib";
import { resolveDataset } from "@amulet-ts/files";
import { latestCommit, olderCommit, useHub } from "@amulet-ts/testing/hub/hub-fixture";
import { beforeEach, describe, expect, test } from "vitest";
import { loadQuestions, parseConfig, planRun } from "../src/index.js";

const hub = useHub();
const lines = (rows: readonly object[]) =>
  Buffer.from(rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
const set = (files: Record<string, Buffer>, older = files) => ({
  commits: { [latestCommit]: files, [olderCommit]: older },
  refs: { main: latestCommit, old: olderCommit },
});
const prompts = (...texts: string[]) => texts.map((prompt) => ({ prompt, response: "…" }));

beforeEach(() => {
  hub.server.repositories["datasets/nvidia/HelpSteer"] = set(
    {
      "README.md": Buffer.from("# rows"),
      "train.jsonl.gz": gzipSync(lines(prompts("Why?", "Why?", "How?"))),
      "validation.jsonl.gz": gzipSync(lines(prompts("When?"))),
    },
    { "train.jsonl.gz": gzipSync(lines(prompts("Old?"))) },
  );
  hub.server.repositories["datasets/openbmb/UltraFeedback"] = set({
    "truthful_qa.jsonl": lines([{ instruction: "Is it so?", source: "truthful_qa" }]),
    "ultrachat.jsonl": lines([{ instruction: "Write.", source: "ultrachat" }]),
  });
  hub.server.repositories["datasets/kkuusou/personal_preference_eval"] = set({
    "data/a.jsonl": lines([{ question: "First?" }]),
    "data/b.json": Buffer.from('[{"question":"Second?"}]'),
    "notes.txt": Buffer.from("none"),
  });
});

const load = (source: string, more: object = {}, options: object = {}) =>
  loadQuestions(
    { source, field: "question", limit: null, distinct: false, ...more },
    {},
    hub.options(options),
  );

describe("the paper's sets", () => {
  test.each([
    ["helpsteer", ["Why?", "How?"], `hub:nvidia/HelpSteer:train.jsonl.gz@${latestCommit}`],
    ["truthful-qa", ["Is it so?"], `hub:openbmb/UltraFeedback:truthful_qa.jsonl@${latestCommit}`],
    ["ultrachat", ["Write."], `hub:openbmb/UltraFeedback:ultrachat.jsonl@${latestCommit}`],
    [
      "personal-preference-eval",
      ["First?", "Second?"],
      `hub:kkuusou/personal_preference_eval@${latestCommit}`,
    ],
  ])("%s: every distinct question, and the commit that has it", async (name, expected, source) => {
    const { questions, choice } = await load(name);
    expect(questions.map(({ question }) => question)).toEqual(expected);
    expect(choice).toMatchObject({ source, distinct: true });
    expect(await loadQuestions(choice, {}, hub.options())).toEqual({ questions, choice });
  });

  test("their rows keep the ids of their places, and a run records both digest and commit", async () => {
    const { questions, choice } = await load("helpsteer");
    expect(questions.map(({ id }) => id)).toEqual(["1", "3"]);
    const config = parseConfig("preset: paper", {}, "it");
    expect(config.preferences).toHaveLength(8);
    expect(config.preferences[0]!.text).toBe("Your answer should be creative as much as possible.");
    const source = { model: "m", digest: "d", engine: "e", backend: "b", versions: {} };
    const { pairs, rows } = planRun(source, { ...config, questions: choice }, questions);
    expect(pairs).toHaveLength(2 * 8);
    expect(rows).toHaveLength(2 * 8 * 5);
  });
});

describe("any data set", () => {
  test("is read at a revision, from its cache without a request, and offline", async () => {
    const old = await load("hub:nvidia/HelpSteer:train.jsonl.gz@old", { field: "prompt" });
    expect(old.questions.map(({ question }) => question)).toEqual(["Old?"]);
    expect(old.choice.source).toBe(`hub:nvidia/HelpSteer:train.jsonl.gz@${olderCommit}`);
    const seen = hub.server.seen.length;
    expect(await load("hub:nvidia/HelpSteer:train.jsonl.gz@old", { field: "prompt" })).toEqual(old);
    expect(await load("hub:nvidia/HelpSteer@old", { field: "prompt" }, { offline: true })).toMatchObject({
      questions: old.questions,
    });
    expect(hub.server.seen).toHaveLength(seen);
  });

  test("a hub that goes away leaves what was brought", async () => {
    const { questions } = await load("hub:kkuusou/personal_preference_eval");
    hub.server.fault = () => ({ status: 404 });
    expect((await load("hub:kkuusou/personal_preference_eval")).questions).toEqual(questions);
  });

  test.each([
    ["hub:nvidia/Nothing", /has no data set datasets\/nvidia\/Nothing/],
    ["hub:nvidia/HelpSteer:test.jsonl", /has no file test\.jsonl; it has train\.jsonl\.gz, validation/],
    ["hub:nvidia/HelpSteer:train.txt", /names no file of rows/],
    ["hub:nvidia/HelpSteer:../x.jsonl", /names no file of rows/],
    ["hub:nvidia/HelpSteer@none", /no revision "none"/],
    ["hub:", /hub: is no set of questions/],
  ])("%s is refused in a sentence", async (source, sentence) => {
    await expect(load(source)).rejects.toThrow(sentence);
  });

  test("offline without it", async () => {
    await expect(resolveDataset("nvidia/HelpSteer", hub.options({ offline: true }))).rejects.toMatchObject({
      code: "offline",
    });
  });
});

describe("a preset", () => {
  test("gives way to what the file says, entry by entry", () => {
    const text =
      "preset: paper\nanswers: { maxNewTokens: 9 }\nquestions: { limit: 3 }\nmethods: [{ method: pref }]";
    const { answers, questions, methods, preferences } = parseConfig(text, {}, "it");
    expect(answers).toMatchObject({ maxNewTokens: 9, preferenceIn: "system" });
    expect(answers.system).toMatch(/^You are an AI designed/);
    expect(questions).toMatchObject({ source: "truthful-qa", limit: 3 });
    expect({ methods: methods.length, preferences: preferences.length }).toEqual({
      methods: 1,
      preferences: 8,
    });
  });

  test("that there is not is refused", () => {
    expect(() => parseConfig("preset: magic", {}, "it")).toThrow(/no preset "magic"; there are: paper/);
  });
});
