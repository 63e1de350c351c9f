import { writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { preferenceSentenceOf, sampleExamples } from "@amulet-ts/lab";
import { amulet } from "@amulet-ts/testing/cli/fake-io";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "amulet-lab-score-"));
});
afterAll(() => rm(folder, { recursive: true }));

const question = "What helps with coffee?";
const broken = "In brief. Key point: hard water dulls the taste of coffee. Just the the coffee. Also, ";
const score = (input: string, ...words: string[]) => amulet(["lab", "score", "-", ...words], { input });

describe("lab score", () => {
  test("says of a plain text what the grammar made of every sentence", async () => {
    const { status, stdout } = await score(broken, "--question", question, "--preference", "concise");
    expect(status).toBe(0);
    expect(stdout).toMatch(/^ {2}opening +concise +In brief\.$/m);
    expect(stdout).toMatch(/^ {2}rejected +Just the the coffee\.$/m);
    expect(stdout).toMatch(/^ {2}rejected +Also,$/m);
    expect(stdout).toContain("grammatical 0.50 · on topic 1.00 · concise 0.40");
  });

  test("scores the corpus's own answers as wholly grammatical and on topic", async () => {
    const examples = sampleExamples(5, "train");
    const lines = Array.from({ length: 20 }, () => {
      const { question, preference, answer } = examples.next().value;
      return JSON.stringify({
        question,
        answer,
        ...(preference && { preference: preferenceSentenceOf(preference) }),
      });
    });
    const file = join(folder, "answers.jsonl");
    writeFileSync(file, `${lines.join("\n")}\n\n`);
    const { stdout } = await amulet(["lab", "score", file, "--json"]);
    const { answers, means } = JSON.parse(stdout);
    expect(answers).toHaveLength(20);
    expect(means).toMatchObject({ grammaticality: 1, relevance: 1 });
    expect(means.preferenceStrength).toBeGreaterThan(0.3);
    expect((await amulet(["lab", "score", file])).stdout).toContain("means of 20 answers: grammatical 1.000");
  });

  test("a plain text may break its lines anywhere", async () => {
    const words = ["--question", question, "--preference", "concise"];
    const wrapped = broken
      .replace("brief. Key point", "brief.\nKey  point")
      .replace("taste of", "taste\n\tof");
    expect((await score(wrapped, ...words)).stdout).toBe((await score(broken, ...words)).stdout);
  });

  test("a preference that is none of the eight is met with the eight, and the nearest", async () => {
    const said = async (preference: string) =>
      (await score(broken, "--question", question, "--preference", preference)).stdout;
    expect(await said("Concise")).toMatch(/creative, sycophantic, .*uplifting\. Did you mean concise\?/);
    expect(await said("Your answer should be fromal.")).toContain("Did you mean formal?");
    expect(await said("nope")).not.toContain("Did you mean");
  });

  test("what the world doesn't know is null, and said", async () => {
    const words = ["--question", "Who are you?", "--preference", "Be nice."];
    const [answer] = JSON.parse((await score("In brief.", ...words, "--json")).stdout).answers;
    expect(answer).toMatchObject({ grammaticality: 1, relevance: null, preferenceStrength: null });
    expect((await score("In brief.", ...words)).stdout).toContain("not scored: topic, preference");
  });

  test.each([
    [[], "", 2, /Name one file/],
    [["-", "x"], "", 2, /Name one file/],
    [["/no/such/file"], "", 1, /There is no file/],
    [["-"], "", 1, /nothing to score/],
    [["-"], "{", 1, /Line 1 of standard input must be a JSON object/],
    [["-"], '{"question":"Why?","answer":"So."}\n{"question":1}', 1, /Line 2 .* question and answer/],
    [["-", "--preference", "concise"], '{"question":"Why?","answer":"So."}', 2, /with --question/],
    [["-", "--question", "Why?", "--preference", "a", "--preference", "b"], "So.", 2, /one --preference/],
  ])("%j with %j ends with a sentence", async (words, input, status, sentence) => {
    const outcome = await amulet(["lab", "score", ...words], { input });
    expect(outcome).toMatchObject({ status, stdout: "" });
    expect(outcome.stderr).toMatch(sentence);
  });
});
