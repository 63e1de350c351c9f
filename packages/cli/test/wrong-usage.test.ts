import { amulet, type Outcome } from "@amulet-ts/testing/cli/fake-io";
import { describe, expect, expectTypeOf, test } from "vitest";
import { optionsOf } from "../src/command.js";
import type { GenerateValues } from "../src/commands/generate/command.js";
import type { ActionValues } from "../src/commands/lab/command.js";
import type { PolicyValues } from "../src/commands/policy/command.js";
import { commandNames, commands } from "../src/commands/table.js";
import type { VerifyValues } from "../src/commands/verify/command.js";

const ask = ["generate", "Why?", "--preference", "Be brief."];

/** Arguments, and what the one sentence on standard error must hold. */
const wrong: readonly (readonly [string[], RegExp])[] = [
  [["strength", "--alpha", "NaN"], /--alpha must be a finite number of at least 0; it is NaN/],
  [["strength", "--alpha", ""], /--alpha must be .*; it is ""/],
  [["strength", "--alpha", "two"], /--alpha must be .*; it is two/],
  [["strength", "--alpha=-1"], /--alpha must be .*; it is -1/],
  [["strength", "--iterations", "-1"], /--iterations must be a whole number of at least 0; it is -1/],
  [["strength", "--iterations", "1.5"], /--iterations must be a whole number/],
  [["strength", "--iterations", "1000000000"], /from 0 to 1000000; it is 1000000000/],
  [["strength", "--alpha", "1e308", "--lambda", "1e-308"], /x beyond the largest number/],
  [[...ask, "--guidance-scale", "1e300"], /within ±1000000, .*; it is 1e\+300/],
  [
    ["generate", "--base-ids", "1", "--preference-ids", "1", "--negative-prompt", "x"],
    /in words or as --base-ids/,
  ],
  [["strength", "--eta", "-inf"], /--eta must be a number above 0, or Infinity/],
  [["strength", "--lambda", "0", "--eta", "Infinity"], /Give λ > 0 or a finite η/],
  [["strength", "--guidance-scale", "Infinity"], /--guidance-scale must be a finite number/],
  [["strength", "--alpha"], /--alpha needs a value/],
  [["strength", "--alpha", "--lambda", "2"], /--alpha needs a value/],
  [["strength", "--alpha", "1", "--alpha", "2"], /--alpha was given 2 times/],
  [["strength", "--json=yes"], /--json takes no value/],
  [["strength", "--alhpa", "3"], /no option --alhpa\. Did you mean --alpha\?/],
  [["strength", "--text", "x"], /no option --text; it belongs to tokenize/],
  [["strength", "x"], /takes options only; got "x"/],
  [["comprae"], /no command "comprae"\. Did you mean compare\?/],
  [["help", "polcy"], /no command "polcy"\. Did you mean policy\?/],
  [[...ask, "--method", "amulett"], /no method "amulett"\. Did you mean amulet\?/],
  [[...ask, "--backend", "wams"], /no backend "wams"\. Did you mean wasm\?/],
  [
    [...ask, "--engine", "lama.cpp"],
    /no engine "lama\.cpp"\. Did you mean llama\.cpp\? There are: .*address/,
  ],
  [[...ask, "--gpu", "opencl"], /no gpu "opencl"\. There are: auto, cuda/],
  [[...ask, "--threads", "3000"], /--threads must be a whole number from 1 to 256; it is 3000/],
  [[...ask, "--precision", "fp16"], /no precision "fp16"\. Did you mean f16\?/],
  [[...ask, "--preference-in", "sytem"], /Did you mean system\?/],
  [[...ask, "--temperature", "-1"], /--temperature must be a finite number of at least 0; it is -1/],
  [[...ask, "--top-p", "0"], /--top-p must be a number above 0 and at most 1/],
  [[...ask, "--max-new-tokens", "0"], /--max-new-tokens must be a whole number of at least 1/],
  [[...ask, "--seed", "0.5"], /--seed must be a whole number/],
  [[...ask, "--method", "la", "--alpha", "3"], /--alpha does nothing with --method la/],
  [[...ask, "--method", "amulet-exact", "--guidance-scale", "3"], /it belongs to amulet/],
  ...["generate", "compare"].flatMap((command): [string[], RegExp][] => [
    [
      [command, ...ask.slice(1), "--guidance-scale", "2", "--alpha", "50"],
      /Give --guidance-scale or --alpha, not both/,
    ],
    [
      [command, ...ask.slice(1), "--min-new-tokens", "9", "--max-new-tokens", "8"],
      /--min-new-tokens must be at most --max-new-tokens, which is 8; it is 9/,
    ],
    [[command, ...ask.slice(1), "--min-new-tokens", "129"], /which is 128 by default; it is 129/],
  ]),
  [
    [...ask, "--method", "bounded", "--guidance-scale", "2", "--eta", "1"],
    /--guidance-scale or --eta, not both/,
  ],
  [
    ["policy", "--input", "-", "--guidance-scale", "2", "--lambda", "1"],
    /--guidance-scale or --lambda, not both/,
  ],
  [[...ask, "--model", " "], /--model is empty/],
  [["generate", "", "--preference", "x"], /The question is empty/],
  [["generate", "-", "--preference", "x"], /The question is empty/],
  [["generate", "--preference", "x"], /The question is missing/],
  [["generate", "Why?"], /The preference is missing/],
  [["compare", "Why?", "--preference", "  "], /The preference is empty/],
  [["generate", "Why", "me?", "--preference", "x"], /Put the question in quotes: "Why me\?"/],
  [["generate", "Why?", "--base-ids", "1"], /a question or --base-ids/],
  [["generate", "--base-ids", "1"], /--preference-ids is missing/],
  [["generate", "--base-ids", "1,x"], /"x" is none/],
  [["tokenize"], /either --text TEXT or --chat FILE/],
  [["logits"], /--ids is missing/],
  [["policy"], /--input is missing/],
];

describe("wrong usage ends with status 2, one sentence and nothing on standard output", () => {
  test.each(wrong)("%j", async (words, sentence) => {
    const { status, stdout, stderr } = await amulet(words);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toMatch(sentence);
    expect(stderr).toMatch(/^amulet: [^\n]+\n$/);
  });
});

test("a model that is not there is a failure, not wrong usage", async () => {
  const { status, stderr } = await amulet([...ask, "--model", "/no/such/model.gguf"]);
  expect(status).toBe(1);
  expect(stderr).toMatch(/^amulet: [^\n]*\/no\/such\/model\.gguf[^\n]*\n$/);
});

test("the stack is shown with --debug", async () => {
  const { stderr } = await amulet([...ask, "--model", "/no/such/model.gguf", "--debug"]);
  expect(stderr).toMatch(/^amulet: FilesError[\s\S]*\n {4}at /);
});

test("a first word that is no command is the question of compare", async () => {
  const [short, long] = await Promise.all([
    amulet(["What is a model?", "--preference", "x", "--model", "/no/such/model.gguf"]),
    amulet(["compare", "What is a model?", "--preference", "x", "--model", "/no/such/model.gguf"]),
  ]);
  expect(withoutTimes(short)).toEqual(withoutTimes(long));
});

/** Seconds and tokens per second differ from run to run. */
function withoutTimes({ status, stdout, stderr }: Outcome): Outcome {
  const hide = (text: string) => text.replace(/[\d.,]+(?= (?:ms|s|min|tokens\/s)\b)/g, "…");
  return { status, stdout: hide(stdout), stderr: hide(stderr) };
}

describe("the help", () => {
  test("names every command", async () => {
    const { status, stdout } = await amulet(["--help"]);
    expect(status).toBe(0);
    for (const name of commandNames) expect(stdout).toContain(`  ${name} `);
    expect(await amulet([])).toEqual({ status, stdout, stderr: "" });
  });

  test.each([...commandNames])("of %s names each of its options with what it takes", async (name) => {
    const { status, stdout } = await amulet([name, "--help"]);
    expect(status).toBe(0);
    for (const [option, { placeholder, help }] of Object.entries(optionsOf(commands[name]))) {
      expect(stdout).toContain(placeholder === undefined ? `--${option}` : `--${option} ${placeholder}`);
      expect(stdout).toContain(help);
    }
    expect((await amulet(["help", name])).stdout).toBe(stdout);
  });

  test("has colours on a terminal alone, and none with NO_COLOR", async () => {
    const plain = (await amulet(["--help"])).stdout;
    expect((await amulet(["--help"], { isTTY: true })).stdout).toContain("\x1b[");
    expect((await amulet(["--help"], { isTTY: true, environment: { NO_COLOR: "1" } })).stdout).toBe(plain);
  });
});

test("a command's code knows the options that it takes, with their types, and no others", () => {
  expectTypeOf<GenerateValues["seed"]>().toEqualTypeOf<number | undefined>();
  expectTypeOf<GenerateValues["preference-in"]>().toEqualTypeOf<"question" | "system" | undefined>();
  expectTypeOf<GenerateValues>().not.toHaveProperty("answer");
  expectTypeOf<PolicyValues>().not.toHaveProperty("model");
  expectTypeOf<VerifyValues["backend"]>().toEqualTypeOf<readonly string[] | undefined>();
  expectTypeOf<ActionValues<"score">>().not.toHaveProperty("steps");
  expectTypeOf<ActionValues<"train">>().toHaveProperty("steps");
});
