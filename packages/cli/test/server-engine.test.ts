/** The command line with a model that a server computes. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { amulet } from "@amulet-ts/testing/cli/fake-io";
import { expect, onTestFinished, test } from "vitest";
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

test("tokenize reads a text with the tokenizer of the server's model, and says where there is none", async () => {
  const words = ["tokenize", "--text", "What is the sea?", "--json"];
  const [came, expected] = [await amulet([...words, "--engine", engine()]), await amulet(words)];
  expect(came).toEqual(expected);
  const silent = await amulet([...words, "--engine", "http://127.0.0.1:9/v1"]);
  expect(silent).toMatchObject({ status: 1, stdout: "", stderr: expect.stringMatching(/127\.0\.0\.1:9/) });
});

test("verify judges on a server what its answers are weighed by, and says what it can't judge", async () => {
  const words = ["verify", "--engine", engine(), "--law", "scale-growth", "--law", "logits-shift"];
  const { status, stderr, stdout } = await amulet([...words, "--runs", "3"]);
  expect(status).toBe(0);
  expect(stderr).toMatch(/no law of forward passes can judge that/);
  expect(stdout).toMatch(/scale-growth +✓/);
  const both = await amulet([...words, "--backend", "cpu"]);
  expect(both).toMatchObject({ status: 2, stderr: expect.stringMatching(/--engine says what is judged/) });
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

test("an evaluation asks a server, goes on where it was, and says what a server is not enough for", async () => {
  const folder = await mkdtemp(join(tmpdir(), "amulet-server-eval-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const [config, out] = [join(folder, "it.yaml"), join(folder, "out")];
  const write = (more: string) =>
    writeFile(
      config,
      `engine: ${engine()}
questions: { source: lab, limit: 2 }
preferences: []
methods: [{ method: base }, { method: pref }, { method: bounded, nats: 0.5 }]
answers: { maxNewTokens: 3 }
scores: quality
${more}`,
    );
  const evaluate = (...words: string[]) =>
    amulet(["eval", "run", "--config", config, "--out", out, ...words]);
  await write("");
  expect((await evaluate("--shard", "1/2", "--json")).status).toBe(0);
  const before = await readFile(join(out, "answers.1-of-2.jsonl"), "utf8");
  const { status, stdout, stderr } = await evaluate("--shard", "2/2", "--json");
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  expect(await readFile(join(out, "answers.1-of-2.jsonl"), "utf8")).toBe(before);
  const { source, answers, missing } = JSON.parse(stdout);
  expect({ answers, missing }).toEqual({ answers: 6, missing: 0 });
  expect(source).toMatchObject({ model: "toy", engine: "http", digest: engine() });
  // What a server would have to tell of all tokens is refused before an answer is asked for.
  await write("measures: { likelihood: true }");
  expect(await evaluate()).toMatchObject({
    status: 1,
    stderr: expect.stringMatching(/likelihoods needs all of them/),
  });
  await write("");
  await writeFile(config, (await readFile(config, "utf8")).replace("{ method: base }", "{ method: amulet }"));
  const refused = await amulet(["eval", "run", "--config", config, "--out", join(folder, "other")]);
  expect(refused).toMatchObject({ status: 1, stderr: expect.stringMatching(/needs all of them/) });
});
