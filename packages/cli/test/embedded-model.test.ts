/** The model that ships with the lab: what is asked without being told to, and the scores beside its answers. */
import { writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { heldOutPairs, judgeAnswer, preferenceNamed } from "@amulet-ts/lab";
import { amulet } from "@amulet-ts/testing/cli/fake-io";
import { tinyLlamaFile } from "@amulet-ts/testing/models/tiny-llama";
import stringWidth from "string-width";
import { describe, expect, test } from "vitest";

interface Compared {
  readonly question: string;
  readonly preferences: { readonly text: string }[];
  readonly answers: {
    readonly method: string;
    readonly text: string;
    readonly scores?: { grammaticality: number; relevance: number | null; preference: number | null };
  }[];
}

const compare = (...words: string[]) => amulet(["compare", "--backend", "wasm", ...words]);
const known = "How do I cook rice without a mess?";

describe("compare without a question", () => {
  test("asks three that training held out, each with its preference, and scores every answer", async () => {
    const { status, stdout } = await compare("--json");
    expect(status).toBe(0);
    const { comparisons } = JSON.parse(stdout) as { comparisons: Compared[] };
    expect(comparisons).toHaveLength(3);
    for (const { question, preferences, answers } of comparisons) {
      const preference = preferenceNamed(preferences[0]!.text)!;
      expect(heldOutPairs()).toContainEqual({ question, preference });
      expect(answers.map(({ method }) => method)).toEqual(["base", "pref", "la", "amulet", "bounded"]);
      for (const { text, scores } of answers) {
        const judged = judgeAnswer(text, question, preference);
        expect(scores).toEqual({
          grammaticality: judged.grammaticality,
          relevance: judged.relevance,
          preference: judged.preference!.strength,
        });
      }
    }
  });

  test("takes a preference of one's own", async () => {
    const { stdout } = await compare("--json", "--preference", "Your answer should be formal.");
    const { comparisons } = JSON.parse(stdout) as { comparisons: Compared[] };
    for (const { preferences } of comparisons)
      expect(preferences).toMatchObject([{ text: "Your answer should be formal." }]);
  });
});

describe("scores", () => {
  test("stand in the footer of a block and below the columns", async () => {
    const blocks = await compare(known);
    expect(blocks.stdout).toContain(`preference  ${known} Your answer should be concise.`);
    expect(blocks.stdout.match(/grammatical \d\.\d\d · on topic \d\.\d\d · concise \d\.\d\d/g)).toHaveLength(
      5,
    );
    const columns = await compare(known).then(() =>
      amulet(["compare", known, "--backend", "wasm"], { isTTY: true, columns: 140, rows: 40 }),
    );
    const last = columns.stdout.slice(columns.stdout.lastIndexOf("─┴─"));
    for (const word of ["grammatical", "on topic", "concise"]) expect(last.split(word)).toHaveLength(6);
    for (const line of columns.stdout.split("\n")) expect(stringWidth(line)).toBeLessThanOrEqual(140);
  });

  test.each([
    [
      ["Who are you?"],
      "not scored  on topic (not a question of the lab's)",
      /grammatical \d\.\d\d · concise/,
    ],
    [
      [known, "--preference", "Be nice."],
      "not scored  preference (not one",
      /grammatical \d\.\d\d · on topic \d\.\d\d$/m,
    ],
    [
      [known, "--preference", "Your answer should be formal.", "--weight", "2"],
      "not scored  preference",
      /on topic/,
    ],
  ])("what the lab doesn't know is said: %j", async (words, note, scores) => {
    const { stdout } = await compare(...words);
    expect(stdout).toContain(note);
    expect(stdout).toMatch(scores);
  });

  test("are not given to another model, whose language is not the lab's", async () => {
    const folder = await mkdtemp(join(tmpdir(), "amulet-compare-"));
    writeFileSync(join(folder, "tiny.gguf"), tinyLlamaFile());
    const { status, stdout } = await compare(
      "Why?",
      "--model",
      join(folder, "tiny.gguf"),
      "--max-new-tokens",
      "2",
    );
    await rm(folder, { recursive: true });
    expect(status).toBe(0);
    expect(stdout).not.toMatch(/grammatical|not scored/);
  });
});
