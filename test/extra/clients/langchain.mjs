/** LangChain's chat model of OpenAI. */
import { failureOf, given, load } from "./given.mjs";

const { address, key, model, question, preference, maxTokens } = given;
const { ChatOpenAI } = await load("@langchain/openai");
const chat = (change = {}) =>
  new ChatOpenAI({
    ...{ model, apiKey: key, maxTokens, maxRetries: 4, streamUsage: true },
    configuration: { baseURL: `${address}/v1` },
    ...change,
  });
const preferring = chat({ modelKwargs: { amulet: { preference } } });

const pieces = [];
let usage;
for await (const piece of await preferring.stream(question)) {
  if (piece.content) pieces.push(piece.content);
  if (piece.usage_metadata) usage = piece.usage_metadata;
}

const probable = await chat({
  logprobs: true,
  topLogprobs: 3,
  modelKwargs: { amulet: { preference } },
}).invoke(question);

const leaving = new AbortController();
const left = chat({ maxTokens: 200, modelKwargs: { logit_bias: given.endless } });
let heard = 0;
try {
  for await (const { content } of await left.stream(question, { signal: leaving.signal }))
    if (content && ++heard === 3) leaving.abort();
} catch (error) {
  if (!leaving.signal.aborted) throw error;
}

const failing = { maxRetries: 0 };
console.log(
  JSON.stringify({
    plain: (await chat().invoke(question)).content,
    preferred: (await preferring.invoke(question)).content,
    profile: (await chat({ model: `${model}:profile` }).invoke(question)).content,
    streamed: pieces.join(""),
    pieces: pieces.length,
    usage: { prompt_tokens: usage?.input_tokens, completion_tokens: usage?.output_tokens },
    probable: probable.response_metadata.logprobs?.content,
    heard,
    failures: {
      key: await failureOf(chat({ ...failing, apiKey: "a wrong one" }).invoke(question)),
      model: await failureOf(chat({ ...failing, model: "another" }).invoke(question)),
    },
  }),
);
