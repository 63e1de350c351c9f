/** The AI SDK, by its provider for servers like OpenAI's. */
import { failureOf, given, load } from "./given.mjs";

const { address, key, model, question, preference, maxTokens } = given;
const { createOpenAICompatible } = await load("@ai-sdk/openai-compatible");
const { generateText, streamText } = await load("ai");
const provider = (apiKey) =>
  createOpenAICompatible({ name: "local", baseURL: `${address}/v1`, apiKey, includeUsage: true });
const local = provider(key);
const asked = { model: local(model), prompt: question, maxOutputTokens: maxTokens, maxRetries: 4 };
const providerOptions = { local: { amulet: { preference } } };

const streaming = streamText({ ...asked, providerOptions });
const pieces = [];
for await (const piece of streaming.textStream) pieces.push(piece);
const { inputTokens, outputTokens } = await streaming.usage;

const leaving = new AbortController();
const left = streamText({
  ...asked,
  maxOutputTokens: 200,
  providerOptions: { local: { logit_bias: given.endless } },
  abortSignal: leaving.signal,
});
let heard = 0;
for await (const _ of left.textStream) if (++heard === 3) leaving.abort();

const once = { ...asked, maxRetries: 0 };
const textOf = async (more) => (await generateText({ ...asked, ...more })).text;
console.log(
  JSON.stringify({
    plain: await textOf({}),
    preferred: await textOf({ providerOptions }),
    profile: await textOf({ model: local(`${model}:profile`) }),
    streamed: pieces.join(""),
    pieces: pieces.length,
    usage: { prompt_tokens: inputTokens, completion_tokens: outputTokens },
    heard,
    failures: {
      key: await failureOf(generateText({ ...once, model: provider("a wrong one")(model) })),
      model: await failureOf(generateText({ ...once, model: local("another") })),
    },
  }),
);
