/** Vocabularies of other people's files, as the command meets them: what was reported, and what is right. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { amulet } from "@amulet-ts/testing/cli/fake-io";
import { type Entry, list, text, uint32Entry, writeGguf } from "@amulet-ts/testing/files/checkpoint-writer";
import { tinyTokenizerConfig, tinyTokenizerJson } from "@amulet-ts/testing/files/tiny-tokenizer";
import { tinyConfig, tinyFolder } from "@amulet-ts/testing/models/tiny-folder";
import { tinyLlama, tinyLlamaTokens } from "@amulet-ts/testing/models/tiny-llama";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

let root = "";
let made = 0;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "amulet-vocabularies-"));
});
afterAll(() => rmSync(root, { recursive: true }));

function folder(files: Readonly<Record<string, unknown>>): string {
  const path = join(root, String(made++));
  mkdirSync(path);
  for (const [name, content] of Object.entries({ ...tinyFolder(), ...files })) {
    const isWritten = typeof content === "string" || Buffer.isBuffer(content);
    writeFileSync(join(path, name), isWritten ? content : JSON.stringify(content));
  }
  return path;
}

/** The tiny tokenizer with pieces that no text becomes: 271 and these. */
function withPieces(count: number): ReturnType<typeof tinyTokenizerJson> {
  const json = tinyTokenizerJson();
  const pieces = Array.from({ length: count }, (_, i) => [`piece ${i}`, 271 + i]);
  const vocab = { ...json.model.vocab, ...Object.fromEntries(pieces) };
  return { ...json, model: { ...json.model, vocab } };
}

/** The tiny Llama with these entries in place of its own. */
function gguf(change: (entries: readonly Entry[]) => readonly Entry[]): string {
  const { entries, tensors } = tinyLlama();
  const path = join(root, `${made++}.gguf`);
  writeFileSync(path, writeGguf({ entries: change(entries), tensors }));
  return path;
}

const without = (key: string) => (entries: readonly Entry[]) => entries.filter(([name]) => name !== key);
const withTokens = (tokens: readonly string[]): Entry => [
  "tokenizer.ggml.tokens",
  9,
  list(8, tokens.map(text)),
];

async function run(...words: string[]) {
  const { status, stdout, stderr } = await amulet([...words, "--json"]);
  return { status, stderr, value: stdout === "" ? undefined : JSON.parse(stdout) };
}

describe("a tokenizer with ids beyond the logits", () => {
  const json = withPieces(17);
  const added = (id: number, content: string) => ({ ...json.added_tokens[0]!, id, content });
  const beyond = (content: string) => ({
    ...json,
    added_tokens: [...json.added_tokens, added(288, content)],
  });

  test.each([
    ["a pad token", { pad_token: "[PAD]" }, "[PAD]", {}],
    ["an end token", { eos_token: "<|endoftext|>" }, "<|endoftext|>", { eos_token_id: 288 }],
    ["a soft image token", { image_token: "<image_soft_token>" }, "<image_soft_token>", {}],
  ])("%s: loads, with the logits that it has without", async (_, config, content, modelConfig) => {
    const model = folder({
      "tokenizer.json": beyond(content),
      "tokenizer_config.json": { ...tinyTokenizerConfig(), ...config },
      "config.json": { ...tinyConfig, ...modelConfig },
    });
    const { value, stderr } = await run("logits", "--ids", "5,6,7", "--model", model);
    expect(value).toEqual((await run("logits", "--ids", "5,6,7", "--model", folder({}))).value);
    expect(stderr).toBe("");
    const answer = await run(
      "generate",
      "Why?",
      "--method",
      "base",
      "--max-new-tokens",
      "3",
      "--model",
      model,
    );
    expect(answer.status).toBe(0);
  });

  test("a prompt that uses one is refused, by its id", async () => {
    const model = folder({ "tokenizer.json": beyond("[PAD]") });
    const { status, stderr } = await run("logits", "--ids", "1,288", "--model", model);
    expect(status).toBe(2);
    expect(stderr).toMatch(/token id 288.*ids from 0 to 287/);
  });

  test("twice as many are another model's", async () => {
    const model = folder({ "tokenizer.json": withPieces(320) });
    const { status, stderr } = await run("logits", "--ids", "1", "--model", model);
    expect(status).toBe(1);
    expect(stderr).toContain("the tokenizer has 591 tokens and the model only 288");
  });

  test("an end token beyond both is noted and passed over", async () => {
    const model = folder({ "generation_config.json": { eos_token_id: [2, 5000, -1, 4294967295] } });
    const { status, stderr } = await run("logits", "--ids", "1", "--last", "--model", model);
    expect(status).toBe(0);
    expect(stderr.trim().split("\n")).toEqual([
      expect.stringMatching(/eos_token_id -1/),
      expect.stringMatching(/eos_token_id 4294967295/),
      expect.stringMatching(/end token 5000/),
    ]);
  });
});

test("ids without a token do not lose an answer: they are no text", async () => {
  // A vocabulary of one letter: all that the model says lies beyond it.
  const json = tinyTokenizerJson();
  const model = folder({
    "tokenizer.json": { ...json, added_tokens: [], model: { ...json.model, vocab: { W: 0 }, merges: [] } },
    "tokenizer_config.json": {},
    "config.json": { ...tinyConfig, eos_token_id: [] },
  });
  const { status, value } = await run(
    "generate",
    "W",
    "--method",
    "base",
    "--max-new-tokens",
    "5",
    "--model",
    model,
  );
  expect(status).toBe(0);
  expect(value.ids).toHaveLength(5);
  expect(value.text).toBe("W".repeat(value.ids.filter((id: number) => id === 0).length));
});

describe("a GGUF file", () => {
  const ask = ["generate", "--method", "base", "--base-ids", "5,6,7", "--max-new-tokens", "8"];

  test.each(["<end_of_turn>", "<|im_end|>", "<|eot_id|>", "<|endoftext|>"])(
    "ends a turn at %s, which no key names",
    async (name) => {
      const plain = gguf(without("tokenizer.ggml.eos_token_id"));
      const { value: free } = await run(...ask, "--model", plain);
      const at = free.ids.findIndex((id: number, i: number) => i > 0 && free.ids.indexOf(id) === i);
      const tokens = tinyLlamaTokens.map((piece) => (piece === name ? "<|other|>" : piece));
      tokens[free.ids[at]] = name;
      const model = gguf((entries) => [
        ...without("tokenizer.ggml.merges")(
          without("tokenizer.ggml.tokens")(without("tokenizer.ggml.eos_token_id")(entries)),
        ),
        withTokens(tokens),
        ["tokenizer.ggml.merges", 9, list(8, [])],
      ]);
      const { value } = await run(...ask, "--model", model);
      expect(value).toMatchObject({ ids: free.ids.slice(0, at), finishReason: "stop" });
    },
  );

  test.each(["bos", "eos"])("with a bad %s_token_id loads as if it had none, with a note", async (role) => {
    const key = `tokenizer.ggml.${role}_token_id`;
    const bad = gguf((entries) => [...without(key)(entries), uint32Entry(key, 2 ** 32 - 1)]);
    const { value, stderr } = await run("logits", "--ids", "1,2", "--last", "--model", bad);
    expect(value).toEqual(
      (await run("logits", "--ids", "1,2", "--last", "--model", gguf(without(key)))).value,
    );
    expect(stderr).toMatch(new RegExp(`^amulet: ${key} is 4294967295, [^\\n]*\\n$`));
  });

  test("that does not say how its text is split is read as GPT-2's, with a note", async () => {
    const words = ["tokenize", "--text", "12345 a", "--model"];
    const { value, stderr } = await run(...words, gguf(without("tokenizer.ggml.pre")));
    expect(value.ids).toHaveLength(7);
    expect(stderr).toMatch(/^amulet: [^\n]*tokenizer\.ggml\.pre[^\n]*guess[^\n]*\n$/);
    expect(
      (
        await run(
          ...words,
          gguf((entries) => entries),
        )
      ).stderr,
    ).toBe("");
  });
});
