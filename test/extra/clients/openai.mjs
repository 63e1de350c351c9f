/** The package openai in JavaScript. */
import { failureOf, given, load } from "./given.mjs";

const { address, key, model, question, preference, maxTokens } = given;
const { OpenAI } = await load("openai");
const client = new OpenAI({ baseURL: `${address}/v1`, apiKey: key, maxRetries: 8 });
const messages = [{ role: "user", content: question }];
const body = { model, messages, max_completion_tokens: maxTokens };
const amulet = { preference };
const completions = client.chat.completions;
const textOf = ({ choices }) => choices[0].message.content;

const models = [];
for await (const { id } of client.models.list()) models.push(id);

const streamed = await completions.create({
  ...body,
  amulet,
  stream: true,
  stream_options: { include_usage: true },
});
const chunks = [];
for await (const chunk of streamed) chunks.push(chunk);

const probable = await completions.create({ ...body, amulet, logprobs: true, top_logprobs: 3 });

const left = await completions.create({
  ...body,
  max_completion_tokens: 200,
  logit_bias: given.endless,
  stream: true,
});
let heard = 0;
for await (const { choices } of left) {
  if (!choices[0]?.delta.content || ++heard < 3) continue;
  left.controller.abort();
  break;
}

const stranger = new OpenAI({ baseURL: `${address}/v1`, apiKey: "a wrong one" });
const tools = [
  { type: "function", function: { name: "clock", parameters: { type: "object", properties: {} } } },
];

console.log(
  JSON.stringify({
    models,
    plain: textOf(await completions.create(body)),
    preferred: textOf(await completions.create({ ...body, amulet })),
    profile: textOf(await completions.create({ ...body, model: `${model}:profile` })),
    continued: (await client.completions.create({ model, prompt: question, max_tokens: maxTokens }))
      .choices[0].text,
    streamed: chunks.map(({ choices }) => choices[0]?.delta.content ?? "").join(""),
    pieces: chunks.filter(({ choices }) => choices[0]?.delta.content).length,
    usage: chunks.at(-1).usage,
    probable: probable.choices[0].logprobs.content,
    heard,
    failures: {
      key: await failureOf(stranger.models.list()),
      model: await failureOf(completions.create({ ...body, model: "another" })),
      tools: await failureOf(completions.create({ ...body, tools })),
    },
  }),
);
