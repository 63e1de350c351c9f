/** A text is cut in steps: however long it is, whoever cuts it can leave after a few thousand characters. */

import { embeddedModelFolder } from "@amulet-ts/embedded-model";
import { expect, test } from "vitest";
import { openTokenizer } from "../../src/index.js";

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
