import { readFileSync } from "node:fs";
import { fixture, readFixture } from "@amulet-ts/testing/reference/fixture";
import { describe, expect, it } from "vitest";
import { renderedChatIds } from "../../src/templates/chat-ids.js";
import { type ChatMessage, type ChatTemplate, findChatTemplate } from "../../src/templates/chat-template.js";
import {
  parseTokenizerConfig,
  type Tokenizer,
  tokenizerFromGguf,
  tokenizerFromJson,
} from "../../src/tokenizer/index.js";
import { openGguf } from "../formats/on-disk.js";
import { hasShared, readShared, sharedPath } from "./shared.js";

interface EncodeCase {
  text: string;
  ids: number[];
  decoded: string;
}

function expectCase(tokenizer: Tokenizer, { text, ids, decoded }: EncodeCase): void {
  expect(tokenizer.encode(text, { parseSpecial: true })).toEqual(ids);
  expect(tokenizer.decode(ids)).toBe(decoded);
  const stream = tokenizer.streamDecoder();
  expect(ids.map((id) => stream.push(id)).join("") + stream.flush()).toBe(decoded);
}

async function readMetadata(path: string): Promise<ReadonlyMap<string, unknown>> {
  const file = await openGguf(path);
  await file.close();
  return file.metadata;
}

const model = "models/SmolLM2-135M-Instruct.Q4_1.gguf";
const smollm = "fixtures/smollm2-135m-instruct";
const hasModel = hasShared(model, smollm);
const absent = hasModel ? "" : " (skipped: ../shared does not hold its files)";

describe.skipIf(!hasModel)(`the real SmolLM2 from GGUF equals the reference${absent}`, async () => {
  const metadata = hasModel ? await readMetadata(sharedPath(model)) : new Map<string, unknown>();
  const tokenizer = hasModel ? tokenizerFromGguf(metadata) : undefined;
  const texts: EncodeCase[] = hasModel ? JSON.parse(readShared(`${smollm}/tokenizer.json`)).cases : [];
  const chats: { question: string; prompt: string; ids: number[] }[] = hasModel
    ? JSON.parse(readShared(`${smollm}/logits.json`)).cases
    : [];

  it("knows its size and its end of turn", () => {
    expect(tokenizer!.vocabularySize).toBe(49_152);
    const ends = tokenizer!.endTokens.map((id) => tokenizer!.piece(id));
    expect(ends).toEqual(["<|im_end|>", "<|endoftext|>", "<reponame>"]);
    expect([texts.length, chats.length]).toEqual([13, 6]);
  });

  it.each(texts)("encodes and decodes $text", (text) => expectCase(tokenizer!, text));

  it.each(chats)("renders and encodes the chat: $question", ({ question, prompt, ids }) => {
    const template = findChatTemplate({ metadata });
    const chat = renderedChatIds(tokenizer!, template, [{ role: "user", content: question }]);
    expect(chat).toEqual({ prompt, ids });
    expect(tokenizer!.encode(prompt, { parseSpecial: true })).toEqual(ids);
  });
});

const families = [
  "gpt2",
  "llama-mha-untied",
  "llama-gqa-tied",
  "llama3-rope-scaling",
  "mistral-sliding",
  "qwen2",
  "qwen3",
  "gemma3-text",
];

interface ExpectedTokenizer {
  encode: EncodeCase[];
  chat: { messages: ChatMessage[]; text: string; ids: number[] };
}

describe("a checkpoint's tokenizer equals the reference", () => {
  it.each(families)("%s, from tokenizer.json", (family) => {
    const read = (name: string) => readFileSync(fixture(`checkpoints/${family}/${name}`), "utf8");
    const config = read("tokenizer_config.json");
    const tokenizer = tokenizerFromJson({ tokenizer: read("tokenizer.json"), config });
    const template = findChatTemplate({
      jinja: read("chat_template.jinja"),
      config: parseTokenizerConfig(config),
    });
    expectAll(tokenizer, template, readFixture(`checkpoints/${family}/expected_tokenizer.json`));
  });

  it.each(["f32", "q8_0"])("llama-gqa-tied, from %s GGUF", async (type) => {
    const metadata = await readMetadata(fixture(`formats/llama-gqa-tied.${type}.gguf`));
    const expected = readFixture<ExpectedTokenizer>("checkpoints/llama-gqa-tied/expected_tokenizer.json");
    expectAll(tokenizerFromGguf(metadata), findChatTemplate({ metadata }), expected);
  });
});

function expectAll(
  tokenizer: Tokenizer,
  template: ChatTemplate | undefined,
  expected: ExpectedTokenizer,
): void {
  for (const text of expected.encode) expectCase(tokenizer, text);
  const { messages, text, ids } = expected.chat;
  expect(renderedChatIds(tokenizer, template, messages)).toEqual({ prompt: text, ids });
  expect(tokenizer.beginToken).toBe(1);
  expect(tokenizer.endTokens).toEqual([2]);
}
