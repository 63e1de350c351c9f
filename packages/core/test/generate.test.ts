import { expect, test } from "vitest";
import {
  type ChatMessage,
  type ChatModel,
  type GenerateOptions,
  generate,
  preferenceChats,
  renderQuestion,
} from "../src/index.js";
import { withoutLeaks } from "./no-leaks.js";
import { ToyModel } from "./toy-model.js";

withoutLeaks("cpu");

/** Says `text`, one character a token, whatever it is asked; ids are character codes. */
class Parrot extends ToyModel implements ChatModel {
  constructor(text: string) {
    const promptLength = (row: readonly number[]) => row.lastIndexOf(1) + 1;
    const next = (row: readonly number[]) => {
      const at = row.length - promptLength(row);
      return Array.from({ length: 128 }, (_, id) =>
        id === (at < text.length ? text.charCodeAt(at) : 0) ? 9 : 0,
      );
    };
    super(next, 128, new Set([0]));
  }

  renderChat(messages: readonly ChatMessage[]) {
    const prompt = messages.map(({ role, content }) => `${role}: ${content}\n`).join("");
    return { prompt, ids: [...prompt].map((character) => character.charCodeAt(0)).concat(1) };
  }

  textStream() {
    return { push: (id: number) => String.fromCharCode(id), flush: () => "" };
  }
}

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

test("an empty question or preference is refused", () => {
  const model = new Parrot("");
  expect(() => renderQuestion(model, { question: " ", preference: "x" })).toThrow("question is empty");
  expect(() => renderQuestion(model, { question: "x", preference: "" })).toThrow("preference is empty");
});
