import { withoutLeaks } from "@amulet-ts/testing/backends/no-leaks";
import { backendUnderTest } from "@amulet-ts/testing/backends/under-test";
import { Parrot } from "@amulet-ts/testing/models/parrot";
import { expect, test } from "vitest";
import {
  type Answer,
  type AnswerPiece,
  answerPrompts,
  baseMethod,
  type GenerateOptions,
  generate,
  preferenceChats,
  preferenceMethod,
  renderQuestion,
} from "../src/index.js";

withoutLeaks(backendUnderTest("cpu"));

async function answer(text: string, options: Partial<GenerateOptions> = {}) {
  const pieces: string[] = [];
  let last: unknown;
  for await (const piece of generate(new Parrot(text), {
    question: "Say it.",
    preference: "Be kind.",
    ...options,
  })) {
    pieces.push(piece.text);
    last = piece.answer;
  }
  return { pieces, last };
}

test("the pieces are the answer, and the last one carries it whole", async () => {
  const { pieces, last } = await answer("Hello.");
  expect(pieces.join("")).toBe("Hello.");
  expect(last).toEqual({ text: "Hello.", ids: [...Buffer.from("Hello.")], finishReason: "stop" });
});

test("a stop text ends the answer, is not part of it, and is never shown, even in part", async () => {
  const { pieces, last } = await answer("One. STOMP! STOP Two.", { stop: ["STOP", "never"] });
  expect(pieces.join("")).toBe("One. STOMP! ");
  expect(pieces.some((piece) => piece.includes("STOP"))).toBe(false);
  expect(last).toMatchObject({ text: "One. STOMP! ", finishReason: "stop" });
});

test("an empty stop text is refused: it would end every answer", async () => {
  await expect(answer("One.", { stop: ["STOP", ""] })).rejects.toMatchObject({ code: "bad-request" });
});

test("what looked like a stop text and was none is shown after all", async () => {
  expect((await answer("a ST", { stop: ["STOP"] })).pieces.join("")).toBe("a ST");
});

test("maxNewTokens ends an answer with the reason length", async () => {
  expect((await answer("Hello.", { maxNewTokens: 3 })).last).toMatchObject({
    text: "Hel",
    finishReason: "length",
  });
});

test("the preference stands after the question, or in the system message", () => {
  const question = { question: "Why?", preference: "Be brief.", system: "You help." };
  expect(preferenceChats(question)).toEqual({
    base: [
      { role: "system", content: "You help." },
      { role: "user", content: "Why?" },
    ],
    preference: [
      { role: "system", content: "You help." },
      { role: "user", content: "Why? Be brief." },
    ],
  });
  expect(preferenceChats({ question: "Why?", preference: "Be brief.", preferenceIn: "system" })).toEqual({
    base: [{ role: "user", content: "Why?" }],
    preference: [
      { role: "system", content: "Be brief." },
      { role: "user", content: "Why?" },
    ],
  });
});

test("a negative prompt stands where the preference stands", () => {
  const asked = {
    question: "Why?",
    preference: "Be brief.",
    negativePrompt: "Be long.",
    system: "You are kind.",
  };
  expect(preferenceChats(asked)).toEqual({
    base: [
      { role: "system", content: "You are kind." },
      { role: "user", content: "Why? Be long." },
    ],
    preference: [
      { role: "system", content: "You are kind." },
      { role: "user", content: "Why? Be brief." },
    ],
  });
  expect(preferenceChats({ ...asked, preferenceIn: "system" }).base).toEqual([
    { role: "system", content: "You are kind. Be long." },
    { role: "user", content: "Why?" },
  ]);
});

test("an empty question or preference is refused", () => {
  const model = new Parrot("");
  expect(() => renderQuestion(model, { question: " ", preference: "x" })).toThrow("question is empty");
  expect(() => renderQuestion(model, { question: "x", preference: "" })).toThrow("preference is empty");
});

/** Has three ways to say it: one for each preference, and one without. */
const moody = () =>
  new Parrot((prompt) => (prompt.includes("loud") ? "HELLO" : prompt.includes("sad") ? "ohno!" : "hello"));

async function lastOf(pieces: AsyncIterable<AnswerPiece>): Promise<Answer | undefined> {
  let last: Answer | undefined;
  for await (const { answer } of pieces) last = answer;
  return last;
}

test("several preferences are rendered as chats of their own, in their order, over one base chat", () => {
  const model = new Parrot("");
  const preferences = [{ text: "Be loud.", weight: 2 }, { text: "Be sad." }];
  const rendered = renderQuestion(model, { question: "Why?", preferences });
  expect(rendered.base.prompt).toBe("user: Why?\n");
  expect(rendered.preferences.map(({ chat, weight }) => [chat.prompt, weight])).toEqual([
    ["user: Why? Be loud.\n", 2],
    ["user: Why? Be sad.\n", 1],
  ]);
});

test("the heavier of two preferences wins, and a negative weight turns it away", async () => {
  const say = (loud: number, sad: number) =>
    lastOf(
      generate(moody(), {
        question: "Say it.",
        preferences: [
          { text: "Be loud.", weight: loud },
          { text: "Be sad.", weight: sad },
        ],
        method: preferenceMethod(),
      }),
    );
  expect((await say(2, 1))?.text).toBe("HELLO");
  expect((await say(1, 2))?.text).toBe("ohno!");
  expect((await say(-1, -1))?.text).toBe("hello");
});

test("method and preferences may change while it answers", async () => {
  const pieces = generate(moody(), {
    question: "Say it.",
    preference: "Be loud.",
    beforeToken: ({ length }) => {
      if (length === 2) return { method: baseMethod() };
      if (length === 4) return { method: preferenceMethod(), preferences: [{ text: "Be sad." }] };
      return undefined;
    },
  });
  expect((await lastOf(pieces))?.text).toBe("HEll!");
});

test.each<[string, Partial<GenerateOptions>, string[]]>([
  ["nothing else", {}, ["user: Say it.\n", "user: Say it. Be loud.\n", "user: Say it. Be sad.\n"]],
  [
    "a system message",
    { system: "You help." },
    [
      "You help.\nuser: Say it.\n",
      "You help.\nuser: Say it. Be loud.\n",
      "You help.\nuser: Say it. Be sad.\n",
    ],
  ],
  [
    "preferences in it",
    { system: "You help.", preferenceIn: "system" },
    [
      "You help.\nuser: Say it.\n",
      "You help. Be loud.\nuser: Say it.\n",
      "You help. Be sad.\nuser: Say it.\n",
    ],
  ],
])("preferences that change are put as the first were, with %s", async (_, how, prompts) => {
  const model = new Parrot((prompt) => {
    if (/user: Say it\..*\n$/.test(prompt)) read.add(prompt);
    return "hello";
  });
  const read = new Set<string>();
  const beforeToken = ({ length }: readonly number[]) =>
    length === 2 ? { preferences: [{ text: "Be sad." }] } : undefined;
  await lastOf(generate(model, { question: "Say it.", preference: "Be loud.", ...how, beforeToken }));
  expect([...read].map((prompt) => prompt.replace("system: ", ""))).toEqual(prompts);
});

test("the reading of the prompts is told, and nothing of an explanation that was not asked for", async () => {
  const told: number[] = [];
  const options = {
    question: "Say it.",
    preference: "Be loud.",
    onProgress: ({ done, total }: { done: number; total: number }) => told.push(done / total),
  };
  let answer: Answer | undefined;
  for await (const piece of generate(moody(), options)) {
    expect(piece.explanation).toBeUndefined();
    answer = piece.answer;
  }
  expect(told).toEqual([1]);
  expect(answer).not.toHaveProperty("explanations");
  expect(await lastOf(generate(moody(), { ...options, explain: true }))).toMatchObject({
    explanations: Array.from("HELLO", (letter) => ({ id: letter.charCodeAt(0) })),
  });
});

test("several methods side by side are each asked for their own change", async () => {
  const model = moody();
  const { base, preference } = renderQuestion(model, { question: "Say it.", preference: "Be loud." });
  const prompts = { base: base.ids, preference: preference.ids };
  const texts = ["", ""];
  const options = {
    beforeToken: ({ length }: readonly number[], index: number) =>
      index === 1 && length === 3 ? { method: preferenceMethod() } : undefined,
  };
  for await (const { index, text } of answerPrompts(model, prompts, [baseMethod(), baseMethod()], options)) {
    texts[index] += text;
  }
  expect(texts).toEqual(["hello", "helLO"]);
});

test("an answer that was asked to explain itself does so for each of its ids", async () => {
  const options = { question: "Say it.", preference: "Be loud.", explain: { alternatives: 1 } };
  const answer = await lastOf(generate(moody(), options));
  expect(answer?.explanations?.map(({ id }) => id)).toEqual(answer?.ids);
  const otherwise = answer?.explanations?.map(({ baseChoice }) => String.fromCharCode(baseChoice.id));
  expect(otherwise).toEqual([..."hello"]);
});

test("an abort ends it with the code aborted", async () => {
  const abort = new AbortController();
  const pieces = generate(moody(), { question: "Say it.", preference: "Be loud.", signal: abort.signal });
  expect((await pieces.next()).value).toMatchObject({ text: "H" });
  abort.abort();
  await expect(pieces.next()).rejects.toMatchObject({ code: "aborted", name: "CoreError" });
});

test.each<[string, GenerateOptions, string]>([
  ["no preference in the list", { question: "Why?", preferences: [] }, "list of preferences is empty"],
  ["an empty one in the list", { question: "Why?", preferences: [{ text: " " }] }, "preference is empty"],
  [
    "one and a list at once",
    { question: "Why?", preference: "Be loud.", preferences: [{ text: "Be sad." }] },
    "both a preference and preferences",
  ],
])("%s is refused", async (_, options, sentence) => {
  await expect(lastOf(generate(moody(), options))).rejects.toThrow(sentence);
});
