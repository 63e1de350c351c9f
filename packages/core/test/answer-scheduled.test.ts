/** A scheduler's answers as text are those of answerPrompts; a preference in a chat of several turns is one in its last question. */
import { withoutLeaks } from "@amulet-ts/testing/backends/no-leaks";
import { backendUnderTest } from "@amulet-ts/testing/backends/under-test";
import { Parrot } from "@amulet-ts/testing/models/parrot";
import { expect, test } from "vitest";
import {
  type AnswerPiece,
  addToChat,
  answerPrompts,
  answerScheduled,
  boundedMethod,
  type ChatMessage,
  chooseGreedily,
  preferenceChats,
  renderPrompts,
  type ScheduledTextOptions,
  Scheduler,
} from "../src/index.js";

withoutLeaks(backendUnderTest("wasm"));

const asked = { question: "How?", preference: "Be brief." };
const says = "One. Two. Three.";

async function collect(pieces: AsyncIterable<AnswerPiece>): Promise<AnswerPiece[]> {
  const all: AnswerPiece[] = [];
  for await (const piece of pieces) all.push(piece);
  return all;
}

/** Beside others a number may differ in its last bits. */
const wordsOf = ({ text, id, explanation, answer }: AnswerPiece) => ({
  text,
  id,
  explained: explanation?.alternatives.map((token) => token.id),
  ...(answer && { all: [answer.text, answer.ids, answer.finishReason] }),
});

test.each<[string, ScheduledTextOptions]>([
  ["to its end", {}],
  ["cut", { maxNewTokens: 5 }],
  ["ended by a text, of which nothing shows", { stop: ["Thr", ". T"] }],
  ["drawn and explained", { temperature: 1, seed: 3, explain: { alternatives: 2 }, maxNewTokens: 9 }],
])("an answer %s is that of answerPrompts, piece by piece, beside others", async (_, options) => {
  const model = new Parrot(says);
  const scheduler = new Scheduler(model);
  const prompts = renderPrompts(model, asked);
  const method = boundedMethod();
  const answers = [1, 2].map(() => collect(answerScheduled(scheduler, model, prompts, method, options)));
  const expected = await collect(answerPrompts(model, prompts, [method], options));
  for (const answer of await Promise.all(answers)) expect(answer.map(wordsOf)).toEqual(expected.map(wordsOf));
  await scheduler.dispose();
  expect(model.openSessions).toBe(0);
});

test("who leaves is not answered on, nor who was aborted before the first piece was asked for", async () => {
  const model = new Parrot(says);
  const scheduler = new Scheduler(model);
  const prompts = renderPrompts(model, asked);
  const leaving = new AbortController();
  const { signal } = leaving;
  const options = { signal, choose: chooseGreedily };
  const unheard = answerScheduled(scheduler, model, prompts, boundedMethod(), options);
  for await (const { text } of answerScheduled(scheduler, model, prompts, boundedMethod())) if (text) break;
  leaving.abort();
  await expect(collect(unheard)).rejects.toMatchObject({ code: "aborted" });
  await scheduler.dispose();
  expect(model.tokensRead).toBeLessThan(4 * 40);
  expect(model.openSessions).toBe(0);
});

test("a preference stands behind the last question or in the system message, and no words change nothing", () => {
  const turns: readonly ChatMessage[] = [
    { role: "user", content: "One?" },
    { role: "assistant", content: "One." },
    { role: "user", content: "Two?" },
  ];
  const system: ChatMessage = { role: "system", content: "You answer." };
  const asking = { role: "user", content: "Two? Be brief." };
  expect(addToChat([system, ...turns], "Be brief.")).toEqual([system, turns[0], turns[1], asking]);
  expect(addToChat([system, ...turns], "Be brief.", "system")).toEqual([
    { role: "system", content: "You answer. Be brief." },
    ...turns,
  ]);
  expect(addToChat(turns, "Be brief.", "system")).toEqual([
    { role: "system", content: "Be brief." },
    ...turns,
  ]);
  for (const place of ["question", "system"] as const) {
    expect(addToChat(turns, "", place)).toEqual(turns);
    const { base, preference } = preferenceChats({ ...asked, preferenceIn: place });
    expect(addToChat(base, asked.preference, place)).toEqual(preference);
  }
  expect(() => addToChat([system], "Be brief.")).toThrow("no message of the user");
});
