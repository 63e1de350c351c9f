import { writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { amulet } from "@amulet-ts/testing/cli/fake-io";
import { tinyLlamaFile } from "@amulet-ts/testing/models/tiny-llama";
import { afterAll, beforeAll, expect, test } from "vitest";

let folder = "";
let model = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "amulet-score-"));
  model = join(folder, "tiny.gguf");
  writeFileSync(model, tinyLlamaFile());
});
afterAll(() => rm(folder, { recursive: true }));

const score = (...words: string[]) =>
  amulet(["score", "Why?", "--preference", "Be kind.", ...words, "--model", model]);

interface Scored {
  readonly answers: {
    readonly text: string;
    readonly ids: number[];
    readonly scores: { method: string; logProbabilities: number[]; total: number; perplexity: number }[];
  }[];
}

test("the answer that generate gives greedily is scored as its tokens' own probabilities", async () => {
  const common = ["How do I make tea?", "--preference", "Your answer should be concise.", "--json"];
  const generated = await amulet([
    "generate",
    ...common,
    "--method",
    "pref",
    "--explain",
    "--max-new-tokens",
    "4",
  ]);
  const { text, ids, tokens } = JSON.parse(generated.stdout);
  const { status, stdout } = await amulet(["score", ...common, "--answer", text]);
  expect(status).toBe(0);
  const [answer] = (JSON.parse(stdout) as Scored).answers;
  // The embedded model answers in words, which read back as the same tokens.
  expect(answer!.ids.slice(0, -1)).toEqual(ids);
  const preference = answer!.scores.find(({ method }) => method === "pref")!;
  for (const [i, { probability }] of tokens.entries()) {
    expect(Math.exp(preference.logProbabilities[i]!)).toBeCloseTo(probability, 5);
  }
  expect(preference.total).toBeCloseTo(
    preference.logProbabilities.reduce((sum, value) => sum + value, 0),
    10,
  );
  expect(preference.perplexity).toBeCloseTo(Math.exp(-preference.total / answer!.ids.length), 8);
});

test("several answers, five methods each, as a table", async () => {
  const { status, stdout } = await score("--answer", "Yes.", "--answer", "No.");
  expect(status).toBe(0);
  for (const word of ["Yes.", "No.", "base", "pref", "la", "amulet", "bounded"])
    expect(stdout).toContain(word);
});

test.each([
  [[], "--answer is missing"],
  [["--answer", ""], "empty"],
  [["--answer", "Yes.", "--preference", "Be brief."], "one preference"],
])("%j is wrong usage", async (words, sentence) => {
  const { status, stderr } = await score(...words);
  expect(status).toBe(2);
  expect(stderr).toContain(sentence);
});
