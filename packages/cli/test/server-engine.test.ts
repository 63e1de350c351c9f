/** The command line with a model that a server computes. */
import { amulet } from "@amulet-ts/testing/cli/fake-io";
import { expect, test } from "vitest";
import { useServer } from "./embedded-server.js";

const engine = useServer("llamacpp");

const asked = ["What is the sea?", "--preference", "Be formal."];
const run = (command: string, ...words: string[]) => {
  const short = command === "inspect" ? [] : ["--max-new-tokens", "3"];
  return amulet([command, ...asked, ...short, "--engine", engine(), ...words]);
};

test("compare shows what a server is enough for, and says which methods it leaves out", async () => {
  const { status, stdout, stderr } = await run("compare", "--json");
  expect(status).toBe(0);
  expect(stderr).toMatch(/la and amulet would need all of them/);
  const { answers, model } = JSON.parse(stdout) as {
    answers: { method: string; ids: number[] }[];
    model: string;
  };
  expect(answers.map(({ method }) => method)).toEqual(["base", "pref", "bounded"]);
  expect(answers.every(({ ids }) => ids.length > 0)).toBe(true);
  expect(model).toBe("toy");
});

test("an explained answer tells how much of each policy was seen", async () => {
  const { status, stdout } = await run("generate", "--kl-budget", "0.2", "--explain", "--json");
  expect(status).toBe(0);
  const { tokens } = JSON.parse(stdout) as { tokens: { seen: { base: number; preference: number } }[] };
  for (const { seen } of tokens) {
    expect(seen.base).toBeGreaterThan(0.5);
    expect(seen.preference).toBeLessThanOrEqual(1);
  }
  const shown = await run("generate", "--kl-budget", "0.2", "--explain");
  expect(shown.stdout).toMatch(/KL pref +seen/);
});

test.each([
  ["generate", ["--method", "amulet"], /method amulet needs all of them/],
  ["generate", ["--method", "beam"], /a beam search needs all of them/],
  ["inspect", [], /needs all of them/],
])("%s %j says in one sentence what a server is not enough for", async (command, words, message) => {
  const { status, stdout, stderr } = await run(command, ...words);
  expect({ status, stdout: stdout.trim() }).toMatchObject({ status: 1 });
  expect(stderr).toMatch(message);
});
