/** Bodies with one thing in them changed: each is refused with a reason or answered rightly, and nothing falls over. */

import { mutate } from "@amulet-ts/testing/files/json-mutations";
import { allEvents, type Parsed } from "@amulet-ts/testing/server/event-stream";
import * as v from "valibot";
import { chatResponseSchema } from "../src/protocol/chat.js";
import { completionResponseSchema } from "../src/protocol/completions.js";
import { errorSchema } from "../src/protocol/errors.js";
import {
  detokenizeResponseSchema,
  templateResponseSchema,
  tokenizeResponseSchema,
} from "../src/protocol/tokens.js";
import { jsonOf, parrot, type Serving, serve } from "./serving.js";

const says = "Hi, you";

const messages = [
  { role: "system", content: "You answer." },
  { role: "user", content: [{ type: "text", text: "How?" }] },
  { role: "assistant", content: "So." },
  { role: "user", content: "Why?" },
];
const choosing = {
  ...{ max_tokens: 5, temperature: 0, top_p: 1, top_k: 0, min_p: 0, seed: 3, n: 2, stop: ["x", "zz"] },
  ...{ presence_penalty: 0, frequency_penalty: 0, repetition_penalty: 1, logit_bias: { 5: 0 } },
};
const delivery = { stream: false, stream_options: { include_usage: true }, user: "me" };

/** A body of each kind that is right as it stands, and what a right answer to it is like. */
const bodies: readonly (readonly [path: string, body: object, answer: v.GenericSchema])[] = [
  [
    "/v1/chat/completions",
    {
      ...{ model: "toy", messages, max_completion_tokens: 5, logprobs: true, top_logprobs: 2 },
      ...{ ...choosing, ...delivery, tools: [], response_format: { type: "text" } },
      amulet: {
        preference: "Be brief.",
        method: "bounded",
        kl_budget: 0.2,
        iterations: 4,
        alpha: 2,
        explain: true,
      },
    },
    chatResponseSchema,
  ],
  [
    "/v1/chat/completions",
    {
      ...{ model: "toy:brief", messages, guidance_scale: 2, negative_prompt: "Ramble." },
      amulet: {
        preferences: [{ text: "Be brief.", weight: 1.5 }, { text: "Be kind." }],
        ...{ preference_in: "system", explain: { alternatives: 2 }, plausibility: 0.9, min_p_mask: 0.1 },
      },
      stream: true,
    },
    chatResponseSchema,
  ],
  [
    "/v1/chat/completions",
    { messages, amulet: { preference: "Be brief.", schedule: "1:0..2, 3:2.." } },
    chatResponseSchema,
  ],
  [
    "/v1/completions",
    { prompt: ["a", "b"], logprobs: 2, ...choosing, ...delivery },
    completionResponseSchema,
  ],
  [
    "/v1/completions",
    { prompt: [[65, 66], [67]], max_tokens: 3, echo: false, best_of: 1 },
    completionResponseSchema,
  ],
  [
    "/tokenize",
    { content: "Hi", add_special: true, parse_special: true, with_pieces: false },
    tokenizeResponseSchema,
  ],
  ["/detokenize", { tokens: [72, 105] }, detokenizeResponseSchema],
  ["/apply-template", { messages }, templateResponseSchema],
];

/** @returns what was wrong, a line each: empty where all is well */
export async function tryMutations(seeds: readonly number[]): Promise<string[]> {
  const serving = await serve({
    engine: parrot(says),
    profiles: { brief: "Be brief." },
    parallel: 32,
    queue: 10_000,
  });
  const wrong: string[] = [];
  const left = [...seeds];
  const worker = async () => {
    for (let seed = left.pop(); seed !== undefined; seed = left.pop()) {
      const fault = await tryOne(serving, seed).catch((error: Error) => `${error.stack}`);
      if (fault !== undefined) wrong.push(`seed ${seed}: ${fault}`);
    }
  };
  await Promise.all(Array.from({ length: 32 }, worker));
  return wrong;
}

async function tryOne({ post }: Serving, seed: number): Promise<string | undefined> {
  const [path, body, answer] = bodies[seed % bodies.length]!;
  const text = mutate(body, seed);
  const response = await post(path, text);
  const { status } = response;
  const isStream = response.headers.get("content-type")?.startsWith("text/event-stream");
  const came = isStream ? await allEvents(response) : await jsonOf(response);
  const told = () => `${path} ${text}\n${status} ${JSON.stringify(came)}`;
  if (status >= 400 && status < 500) return v.is(errorSchema, came) ? undefined : `no error: ${told()}`;
  if (status !== 200) return told();
  if (isStream) return came.at(-1) === "[DONE]" ? undefined : `no end: ${told()}`;
  if (!v.is(answer, came)) return `no answer: ${told()}`;
  return path === "/v1/chat/completions" && !isRight(JSON.parse(text), came)
    ? `another answer: ${told()}`
    : undefined;
}

/** The toy is so sure of what it says that no strength changes it; what chooses otherwise is left out. */
function isRight(body: Parsed, { choices }: Parsed): boolean {
  const plain: Parsed = { presence_penalty: 0, frequency_penalty: 0, repetition_penalty: 1, temperature: 0 };
  const choosesOtherwise =
    Object.entries(plain).some(([name, value]) => (body[name] ?? value) !== value) ||
    Object.values(body.logit_bias ?? {}).some((bias) => bias !== 0) ||
    (body.amulet?.preferences ?? []).length > 0;
  if (choosesOtherwise) return true;
  const asked = [body.max_completion_tokens, body.max_tokens].map((most) => (most === -1 ? null : most));
  const longest = asked[0] ?? asked[1] ?? 1024;
  const stops: string[] = [body.stop ?? []].flat().filter((stop) => stop !== "");
  const whole = says.slice(0, longest);
  const ends = stops.map((stop) => whole.indexOf(stop)).filter((at) => at >= 0);
  const expected = whole.slice(0, Math.min(whole.length, ...ends));
  return (
    choices.length === (body.n ?? 1) && choices.every(({ message }: Parsed) => message.content === expected)
  );
}
