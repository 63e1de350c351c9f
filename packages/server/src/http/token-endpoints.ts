/** Texts and tokens, as llama-server gives them. */
import { checkLength, readMessages } from "../answering/prompts.js";
import { textOf } from "../answering/token-text.js";
import { readRequest } from "../protocol/read-request.js";
import { detokenizeRequestSchema, templateRequestSchema, tokenizeRequestSchema } from "../protocol/tokens.js";
import type { Exchange, House } from "./exchange.js";

export async function tokenize(c: Exchange, body: unknown, { state }: House): Promise<Response> {
  const request = readRequest(tokenizeRequestSchema, body);
  const { model, tokenizer } = state.ready().engine;
  checkLength(model, [request], "content");
  const { beginToken, addsBeginToken = false } = tokenizer;
  const start = request.add_special && addsBeginToken && beginToken !== undefined ? [beginToken] : [];
  const ids = [
    ...start,
    ...tokenizer.encode(request.content, { parseSpecial: request.parse_special ?? true }),
  ];
  return c.json({
    tokens: request.with_pieces ? ids.map((id) => ({ id, piece: textOf(id, tokenizer).token })) : ids,
  });
}

export async function detokenize(c: Exchange, body: unknown, { state }: House): Promise<Response> {
  const { tokens } = readRequest(detokenizeRequestSchema, body);
  return c.json({ content: state.ready().engine.tokenizer.decode(tokens) });
}

export async function applyTemplate(c: Exchange, body: unknown, { state }: House): Promise<Response> {
  const { messages } = readRequest(templateRequestSchema, body);
  const { model } = state.ready().engine;
  const chat = readMessages(messages);
  checkLength(model, chat, "messages");
  return c.json({ prompt: model.renderChat(chat).prompt });
}
