/** What the clients of a storm ask, and what each question is answered alone. */
import type { Parsed } from "@amulet-ts/testing/server/event-stream";
import { allEvents } from "./reading.js";

export interface Asked {
  readonly path: string;
  readonly body: object;
}

/** An answer alone: its pieces in their order, a list for each choice. */
export interface Solo {
  readonly asked: Asked;
  readonly pieces: readonly (readonly string[])[];
  readonly ends: readonly string[];
  readonly usage: object;
}

/** Greedy ones and draws, with and without preferences, whole chats and single texts. */
export function makeRequests(): Asked[] {
  const system = "You give advice about the house, the garden and the kitchen, in a friendly way. ".repeat(3);
  const questions = ["How do I make tea?", "What helps with coffee?", "How do I plant a tree?"];
  const preferences = ["uplifting", "concise", "formal"].map((word) => `Your answer should be ${word}.`);
  const settings: object[] = [
    {},
    { amulet: { preference: preferences[0] } },
    { amulet: { preference: preferences[1] }, temperature: 0.9, seed: 3 },
    { guidance_scale: 2, amulet: { preference: preferences[2] }, stop: ["."] },
    { model: "embedded:profile", n: 2, temperature: 1, seed: 8 },
  ];
  const chats = questions.flatMap((content, q) =>
    settings.map((setting, s) => {
      const messages = [...(s % 2 ? [{ role: "system", content: system }] : []), { role: "user", content }];
      return {
        path: "/v1/chat/completions",
        body: { messages, max_tokens: 6 + 5 * ((q + s) % 5), ...setting },
      };
    }),
  );
  const texts = questions.map((prompt) => ({ path: "/v1/completions", body: { prompt, max_tokens: 12 } }));
  return [...chats, ...texts];
}

/** Bodies that no server can answer. */
export const badBodies: readonly string[] = [
  "",
  "{",
  "[]",
  "null",
  '{"messages": []}',
  '{"messages": "Hi"}',
  '{"messages": [{"role": "user"}], "max_tokens": -1}',
  '{"messages": [{"role": "user", "content": "Hi"}], "model": "another"}',
  '{"messages": [{"role": "user", "content": "Hi"}], "temperature": "hot"}',
  '{"messages": [{"role": "user", "content": "Hi"}], "tools": [{"type": "function", "function": {"name": "f"}}]}',
  `{"messages": [{"role": "user", "content": ${JSON.stringify("word ".repeat(2000))}}]}`,
  `${"[".repeat(10_000)}`,
];

export const streamed = ({ body }: Asked) =>
  JSON.stringify({ ...body, stream: true, stream_options: { include_usage: true } });

export async function askAlone(address: string, asked: Asked): Promise<Solo> {
  const response = await fetch(address + asked.path, { method: "POST", body: streamed(asked) });
  return { asked, ...readEvents(await allEvents(response)) };
}

export function textOf(choice: Parsed): string {
  return choice.delta?.content ?? choice.message?.content ?? choice.text ?? "";
}

export function addPiece(pieces: string[][], choice: Parsed): void {
  const text = textOf(choice);
  pieces[choice.index] ??= [];
  if (text) pieces[choice.index]!.push(text);
}

/** The pieces of a stream that has come to its end. */
export function readEvents(events: readonly Parsed[]): Omit<Solo, "asked"> {
  if (events.at(-1) !== "[DONE]") throw new Error(`a stream ended in ${JSON.stringify(events.at(-1))}`);
  const [pieces, ends]: [string[][], string[]] = [[], []];
  for (const { choices } of events.slice(0, -2).filter((event) => typeof event === "object"))
    for (const choice of choices) {
      addPiece(pieces, choice);
      if (choice.finish_reason) ends[choice.index] = choice.finish_reason;
    }
  return { pieces, ends, usage: events.at(-2).usage };
}
