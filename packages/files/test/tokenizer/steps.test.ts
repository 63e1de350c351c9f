/** A text is cut in steps, and so is a tokenizer opened: however long they are, whoever does it can leave after a few thousand. */

import { embeddedModelFolder } from "@amulet-ts/embedded-model";
import { expect, test } from "vitest";
import { openTokenizer } from "../../src/index.js";
import { finishInTurns, type Steps } from "../../src/tokenizer/encode/steps.js";
import { tokenizerFromGgufSteps, tokenizerFromJsonSteps } from "../../src/tokenizer/index.js";
import type { Tokenizer } from "../../src/tokenizer/tokenizer.js";

const length = 60_000;
const repeated = (text: string) => text.repeat(Math.ceil(length / text.length)).slice(0, length);
const texts: Record<string, string> = {
  prose: repeated("You know the crafts of old times, and tell how a thing is made, in 12 plain words. "),
  "one word": repeated("a"),
  "letters without an end": Array.from({ length }, (_, i) =>
    String.fromCharCode(97 + ((i * i * 31 + i * 7) % 26)),
  ).join(""),
  "other scripts": repeated("お茶の入れ方を教えてください。𝔘𝔫𝔦 "),
  spaces: repeated(" "),
  "lines of nothing": repeated("\n"),
};

/** Characters in a step, or merges: twice as many at most, since a step ends with a word. */
const mostOfStep = 2 * 2048;

function expectSmallSteps<T>(steps: Iterator<undefined, T>, whole: T): void {
  let count = 1;
  let next = steps.next();
  for (; !next.done; next = steps.next()) count++;
  expect(next.value).toEqual(whole);
  expect(length / count).toBeLessThan(mostOfStep);
}

test.each(Object.entries(texts))("%s", async (_, text) => {
  const { tokenizer, renderChat, renderChatSteps } = await openTokenizer(embeddedModelFolder);
  const messages = [{ role: "user", content: text }];
  expectSmallSteps(tokenizer.encodeSteps(text), tokenizer.encode(text));
  expectSmallSteps(renderChatSteps(messages), renderChat(messages));
  expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
});

test("a control token that a message spells is text, wherever in it", async () => {
  const { tokenizer, renderChat } = await openTokenizer(embeddedModelFolder);
  const [control] = tokenizer.controlPieces;
  const plain = renderChat([{ role: "user", content: "x" }]).ids.length;
  const content = `${control} a ${control}${control}`;
  const { ids, prompt } = renderChat([{ role: "user", content }]);
  const id = tokenizer.tokenToId(control!)!;
  const count = (list: readonly number[]) => list.filter((one) => one === id).length;
  expect(prompt).toContain(content);
  expect(count(ids)).toBe(count(renderChat([{ role: "user", content: "x" }]).ids));
  expect(ids.length).toBeGreaterThan(plain);
});

/** Letters, and words of two and more of them, each the one before with a letter behind it. */
const letters = Array.from({ length: 200 }, (_, i) => String.fromCharCode(0x4e00 + i));
const chains = letters.flatMap((first) =>
  letters.slice(0, 100).map((_, count) => first + letters.slice(0, count + 1).join("")),
);
const pieces = [...letters, ...chains];
const merges = chains.map((word) => `${word.slice(0, -1)} ${word.at(-1)}`);
const metadata = (entries: Record<string, unknown>) =>
  new Map(
    Object.entries({ tokens: pieces, ...entries }).map(([key, value]) => [`tokenizer.ggml.${key}`, value]),
  );
const opened: Record<string, () => Steps<Tokenizer>> = {
  "GGUF with merges": () => tokenizerFromGgufSteps(metadata({ model: "gpt2", pre: "gpt-2", merges })),
  "GGUF with scores": () =>
    tokenizerFromGgufSteps(metadata({ model: "llama", scores: pieces.map((_, id) => -id) })),
  "tokenizer.json": () => {
    const vocab = Object.fromEntries(pieces.map((piece, id) => [piece, id]));
    return tokenizerFromJsonSteps({ tokenizer: JSON.stringify({ model: { vocab, merges } }) });
  },
};

test.each(Object.entries(opened))(
  "a tokenizer of %s is opened in steps of its pieces and merges",
  (_, open) => {
    let count = 1;
    const steps = open();
    let next = steps.next();
    for (; !next.done; next = steps.next()) count++;
    expect(next.value.vocabularySize).toBe(pieces.length);
    expect((pieces.length + merges.length) / count).toBeLessThan(mostOfStep / 2);
  },
);

test("while work is done in turns, others have theirs after each 12 ms", async () => {
  let turns = 0;
  let isOver = false;
  const count = () => {
    turns++;
    if (!isOver) setImmediate(count);
  };
  setImmediate(count);
  function* work(): Steps<string> {
    for (let step = 0; step < 5; step++) {
      for (const begun = performance.now(); performance.now() - begun < 13; );
      yield;
    }
    return "done";
  }
  expect(await finishInTurns(work())).toBe("done");
  isOver = true;
  expect(turns).toBeGreaterThanOrEqual(4);
});
