import { amulet, type Surroundings, tinyModel } from "@amulet-ts/testing/cli/fake-io";
import { readFixture } from "@amulet-ts/testing/reference/fixture";
import stringWidth from "string-width";
import { describe, expect, test } from "vitest";
import { printable } from "../src/terminal/printable.js";

const onTiny = (words: readonly string[], around: Surroundings = {}) =>
  amulet([...words, "--model", tinyModel], around);
const question = ["What is the answer?", "--preference", "Be brief.", "--max-new-tokens", "12"];

interface Generated {
  readonly text: string;
  readonly ids: number[];
  readonly finishReason: string;
  readonly method: string;
  readonly guidanceScale: number;
}

async function json<T>(words: readonly string[], around: Surroundings = {}): Promise<T> {
  const { status, stdout, stderr } = await onTiny([...words, "--json"], around);
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  return JSON.parse(stdout) as T;
}

describe("on a tiny checkpoint", () => {
  describe("generate", () => {
    interface Run {
      readonly iterations: number;
      readonly alpha: number;
      readonly lambda: number;
      readonly eta: number;
      readonly base_ids: number[][];
      readonly preference_ids: number[][];
      readonly tokens: number[][];
      readonly linear_alignment_ratio: number;
      readonly linear_alignment_tokens: number[][];
    }
    const endToken = 2;
    const untilEnd = (ids: number[]) => (ids.includes(endToken) ? ids.slice(0, ids.indexOf(endToken)) : ids);

    test("gives the published code's tokens on prompts given as ids", async () => {
      const { runs } = readFixture<{ runs: Run[] }>("checkpoints/llama-gqa-tied/amulet.json");
      for (const run of runs) {
        const prompts = [
          "--base-ids",
          run.base_ids[0]!.join(),
          "--preference-ids",
          run.preference_ids[0]!.join(),
        ];
        const ask = ["generate", ...prompts, "--max-new-tokens", String(run.tokens[0]!.length)];
        const { iterations, alpha, lambda, eta, linear_alignment_ratio: ratio } = run;
        const strength = Object.entries({ iterations, alpha, lambda, eta }).map(
          ([name, x]) => `--${name}=${x}`,
        );
        const amuletIds = (await json<Generated>([...ask, ...strength])).ids;
        expect(amuletIds).toEqual(untilEnd(run.tokens[0]!));
        const linear = await json<Generated>([...ask, "--method", "la", `--ratio=${ratio}`]);
        expect(linear.ids).toEqual(untilEnd(run.linear_alignment_tokens[0]!));
      }
    });

    test("writes one JSON object with the fields of the contract", async () => {
      const object = await json<Generated>(["generate", ...question, "--guidance-scale", "1.5"]);
      expect(object).toEqual({
        text: expect.any(String),
        ids: expect.any(Array),
        finishReason: expect.stringMatching(/^(stop|length)$/),
        method: "amulet",
        guidanceScale: 1.5,
        preferences: [{ text: "Be brief.", weight: 1 }],
        promptTokens: { base: expect.any(Number), preference: expect.any(Number) },
        model: "llama-gqa-tied.f32",
        backend: "wasm",
        timing: expect.any(Object),
      });
    });

    test("streams the very text that the JSON holds", async () => {
      const writes: string[] = [];
      const { stdout } = await onTiny(["generate", ...question], { onWrite: (text) => writes.push(text) });
      const { text, ids } = await json<Generated>(["generate", ...question]);
      expect(stdout).toBe(`${text}\n`);
      expect(writes.length).toBeGreaterThan(ids.length / 4);
    });

    test("the same seed gives the same text, another one another", async () => {
      const draw = (seed: number) =>
        json<Generated>(["generate", ...question, "--temperature", "1.5", "--seed", String(seed)]);
      const [first, again, other] = [await draw(1), await draw(1), await draw(2)];
      expect(again.ids).toEqual(first.ids);
      expect(other.ids).not.toEqual(first.ids);
    });

    test("the base method needs no preference", async () => {
      const object = await json<Generated>(["generate", "Why?", "--method", "base", "--max-new-tokens", "3"]);
      expect(object).toMatchObject({ method: "base", guidanceScale: 0, promptTokens: { preference: 0 } });
    });

    test("- reads the question from standard input", async () => {
      const [, ...rest] = question;
      const piped = await json<Generated>(["generate", "-", ...rest], { input: `${question[0]}\n` });
      expect(piped.ids).toEqual((await json<Generated>(["generate", ...question])).ids);
    });

    test("a stop text ends the answer and is not shown", async () => {
      const { text } = await json<Generated>(["generate", ...question]);
      const stop = text.slice(4, 6);
      const stopped = await json<Generated>(["generate", ...question, "--stop", stop]);
      expect(stopped).toMatchObject({ text: text.slice(0, text.indexOf(stop)), finishReason: "stop" });
    });

    test("Ctrl-C leaves what was generated, ends the line and gives 130", async () => {
      const whole = (await onTiny(["generate", ...question])).stdout;
      const outcome = await onTiny(["generate", ...question], { onWrite: (_, interrupt) => interrupt() });
      expect(outcome.status).toBe(130);
      expect(outcome.stderr).toBe("");
      expect(outcome.stdout).toMatch(/^.+\n$/s);
      expect(outcome.stdout.length).toBeLessThan(whole.length);
      expect(whole.startsWith(outcome.stdout.slice(0, -1))).toBe(true);
    });

    test("a prompt longer than the context fails in a sentence", async () => {
      const { status, stdout, stderr } = await onTiny(["generate", "word ".repeat(400), "--preference", "x"]);
      expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
      expect(stderr).toMatch(/^amulet: The base prompt has \d+ tokens and .* reads at most 256/);
    });

    test("a token id outside the vocabulary is wrong usage", async () => {
      const prompts = ["--base-ids", "1,288", "--preference-ids", "1"];
      expect(await onTiny(["generate", ...prompts])).toMatchObject({ status: 2 });
    });
  });

  describe("compare", () => {
    interface Compared {
      readonly answers: Generated[];
    }
    const compare = ["compare", ...question];

    test("holds the very answers that generate gives one by one", async () => {
      const { answers } = await json<Compared>(compare);
      expect(answers.map(({ method }) => method)).toEqual(["base", "pref", "la", "amulet", "bounded"]);
      for (const { method, ids, text, finishReason } of answers) {
        const alone = await json<Generated>(["generate", ...question, "--method", method]);
        expect({ ids, text, finishReason }).toEqual({
          ids: alone.ids,
          text: alone.text,
          finishReason: alone.finishReason,
        });
      }
    });

    test("in a pipe it is plain text, every method in order", async () => {
      const { stdout, stderr } = await onTiny(compare);
      expect(stderr).toBe("");
      expect(stdout).not.toContain("\x1b");
      const headings = [...stdout.matchAll(/^── (\S+) {2}x = (\S+)$/gm)].map(([, ...found]) => found);
      expect(headings).toEqual([
        ["base", "0"],
        ["pref", "1"],
        ["la", "3"],
        ["amulet", "5.649"],
      ]);
      const { answers } = await json<Compared>(compare);
      for (const { text } of answers) expect(stdout).toContain(`\n${printable(text).trim()}\n`);
      expect(stdout).toMatch(/^preference {2}What is the answer\? Be brief\.$/m);
      expect(stdout).toMatch(/prompt tokens in .* new tokens, .* a second in all · loaded in/);
    });

    test("a wide terminal shows columns, no line wider than it", async () => {
      const { stdout } = await onTiny(compare, { isTTY: true, columns: 120, rows: 50 });
      expect(stdout).toContain("─┼─");
      expect(stdout).toContain("words that base's answer does not have");
      for (const line of stdout.split("\n")) expect(stringWidth(line)).toBeLessThanOrEqual(120);
    });

    test("a narrow terminal, NO_COLOR and a dumb terminal show blocks", async () => {
      const wide = { isTTY: true, columns: 120 };
      const surroundings: Surroundings[] = [
        { isTTY: true, columns: 99 },
        { ...wide, environment: { NO_COLOR: "1" } },
        { ...wide, environment: { TERM: "dumb" } },
      ];
      for (const around of surroundings) {
        const { stdout } = await onTiny(compare, around);
        expect(stdout).not.toContain("─┼─");
        expect(stdout).toContain("── ");
        if (around.environment) expect(stdout).not.toContain("\x1b");
      }
    });

    test("Ctrl-C leaves what was generated and gives 130; JSON is not begun", async () => {
      const columns = { isTTY: true, columns: 120 };
      const stopAtColumns = (text: string, interrupt: () => void) => text.includes("─┼─") && interrupt();
      const shown = await onTiny(compare, { ...columns, onWrite: stopAtColumns });
      expect(shown.status).toBe(130);
      expect(shown.stdout).toMatch(/1 token…/);
      expect(shown.stdout).not.toContain("in all");
      // The cursor is back.
      expect(shown.stdout.lastIndexOf("\x1b[?25h")).toBeGreaterThan(shown.stdout.lastIndexOf("\x1b[?25l"));
    });
  });

  test("logits are the reference's, all of them or the last row", async () => {
    const wanted = readFixture<{ input_ids: number[]; logits: number[][] }>(
      "formats/llama-gqa-tied.f32.gguf.expected.json",
    );
    interface Logits {
      readonly shape: number[];
      readonly logits: number[][];
    }
    const ids = ["--ids", wanted.input_ids.join()];
    const all = await json<Logits>(["logits", ...ids]);
    expect(all.shape).toEqual([wanted.logits.length, 288]);
    // Float32 forward pass of a tiny model: the reference's own float32 error is below 1e-5.
    for (const [t, row] of wanted.logits.entries())
      for (const [i, value] of row.entries()) expect(all.logits[t]![i]).toBeCloseTo(value, 4);
    const last = await json<Logits>(["logits", ...ids, "--last"]);
    expect(last.shape).toEqual([1, 288]);
    for (const [i, value] of wanted.logits.at(-1)!.entries())
      expect(last.logits[0]![i]).toBeCloseTo(value, 4);
  });

  test("logits for people: the best token after each position", async () => {
    const wanted = readFixture<{ input_ids: number[]; logits: number[][] }>(
      "formats/llama-gqa-tied.f32.gguf.expected.json",
    );
    const { stdout } = await onTiny(["logits", "--ids", wanted.input_ids.join()]);
    const found = [...stdout.matchAll(/^after .*\n +\S+ +(\d+) /gm)].map(([, id]) => Number(id));
    expect(found).toEqual(wanted.logits.map((row) => row.indexOf(Math.max(...row))));
  });

  test("tokenize gives the reference's ids and texts", async () => {
    interface Expected {
      readonly encode: { text: string; ids: number[]; decoded: string }[];
      readonly chat: { messages: object[]; text: string; ids: number[] };
    }
    const { encode, chat } = readFixture<Expected>("checkpoints/llama-gqa-tied/expected_tokenizer.json");
    for (const { text, ids, decoded } of encode) {
      const found = await json<{ pieces: string[] }>(["tokenize", "--text", text]);
      expect(found).toMatchObject({ ids, decoded });
      expect(found.pieces).toHaveLength(ids.length);
    }
    const rendered = await json(["tokenize", "--chat", "-"], { input: JSON.stringify(chat.messages) });
    expect(rendered).toMatchObject({ ids: chat.ids, prompt: chat.text });
  });

  test.each([["{}"], ["[]"], ['[{"role": "robot", "content": "hi"}]'], ["hello"]])(
    "the chat %s is refused in a sentence",
    async (input) => {
      const { status, stderr } = await onTiny(["tokenize", "--chat", "-"], { input });
      expect(status).toBe(1);
      expect(stderr).toMatch(/^amulet: standard input is (no chat|not JSON)|^amulet: - is no chat/);
    },
  );
});
