/** `amulet doctor --engine` and what else is told of an engine that gives the most probable tokens only. */
import { amulet } from "@amulet-ts/testing/cli/fake-io";
import { expect, test } from "vitest";
import { useServer, vocabularySize } from "./embedded-server.js";

const address = useServer("sglang");

test("doctor asks an engine a question, and tells how fast it is and what it gives", async () => {
  const { status, stdout } = await amulet(["doctor", "--engine", address(), "--candidates", "40", "--json"]);
  expect(status).toBe(0);
  const examined = JSON.parse(stdout);
  expect(examined).toMatchObject({ engine: address(), state: "runs", model: "toy", coverage: "top" });
  expect(examined.vocabularySize).toBe(vocabularySize);
  for (const name of ["promptTokensPerSecond", "tokensPerSecond"]) expect(examined[name]).toBeGreaterThan(0);
  expect(examined.leastSeen).toBeGreaterThan(0);
  expect(examined.leastSeen).toBeLessThan(1);
  const shown = await amulet(["doctor", "--engine", address()]);
  expect(shown.stdout).toMatch(/^ENGINE .*\n.*runs +toy/);
});

test("doctor examines an engine in this process too", async () => {
  const { stdout } = await amulet(["doctor", "--engine", "tfjs", "--backend", "cpu", "--json"]);
  expect(JSON.parse(stdout)).toMatchObject({ state: "runs", coverage: "whole", leastSeen: 1 });
});

test("an engine that is not there fails in one sentence; so does an option without it", async () => {
  const gone = "http://127.0.0.1:9/v1";
  const { status, stdout } = await amulet(["doctor", "--engine", gone, "--json"]);
  expect(status).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({
    state: "fails",
    why: expect.stringContaining(gone.slice(0, -3)),
  });
  const { stderr } = await amulet(["doctor", "--model", "x"]);
  expect(stderr).toMatch(/--model belongs to --engine/);
});

test("an answer tells with each token how much of both policies was seen", async () => {
  const words = ["generate", "What is the sea?", "--preference", "Be formal.", "--max-new-tokens", "3"];
  const { stdout } = await amulet([...words, "--kl-budget", "0.2", "--engine", address(), "--json"]);
  const { ids, seen } = JSON.parse(stdout);
  expect(seen).toHaveLength(ids.length);
  for (const { base, preference } of seen) {
    expect(base).toBeLessThan(1);
    expect(preference).toBeGreaterThan(0);
  }
  const shown = await amulet([...words, "--kl-budget", "0.2", "--engine", address()], { isTTY: true });
  expect(shown.stderr).toMatch(/% of the policies seen, .*% at least/);
});

test("logits are of the whole vocabulary or none: the best tokens are not shown as if they were the first", async () => {
  const { status, stdout, stderr } = await amulet(["logits", "--ids", "1,2", "--engine", address()]);
  expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
  expect(stderr).toMatch(/the command logits needs all of them/);
});
