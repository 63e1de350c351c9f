/** Texts and tokens, as llama-server gives them. However many they are, the others get their tokens meanwhile. */
import { takeTurns } from "@amulet-ts/core";
import { checkLength, encodeText, readMessages, renderChat } from "../answering/prompts.js";
import { textOf } from "../answering/token-text.js";
import { readRequest } from "../protocol/read-request.js";
import { detokenizeRequestSchema, templateRequestSchema, tokenizeRequestSchema } from "../protocol/tokens.js";
import type { Exchange, House } from "./exchange.js";

export async function tokenize(c: Exchange, body: unknown, { state }: House): Promise<Response> {
  const request = readRequest(tokenizeRequestSchema, body);
  const { model, tokenizer } = state.stillReady().engine;
  checkLength(model, [request], "content");
  const { beginToken, addsBeginToken = false } = tokenizer;
  const start = request.add_special && addsBeginToken && beginToken !== undefined ? [beginToken] : [];
  const parseSpecial = request.parse_special ?? true;
  const ids = [...start, ...(await encodeText(tokenizer, request.content, { parseSpecial }))];
  const pieceOf = (id: number) => ({ id, piece: textOf(id, tokenizer).token });
  return c.json({ tokens: request.with_pieces ? await takeTurns(inSteps(ids, pieceOf)) : ids });
}

export async function detokenize(c: Exchange, body: unknown, { state }: House): Promise<Response> {
  const { tokens } = readRequest(detokenizeRequestSchema, body);
  const stream = state.stillReady().engine.model.textStream();
  const texts = await takeTurns(inSteps(tokens, (id) => stream.push(id)));
  return c.json({ content: texts.join("") + stream.flush() });
}

export async function applyTemplate(c: Exchange, body: unknown, { state }: House): Promise<Response> {
  const { messages } = readRequest(templateRequestSchema, body);
  const { model } = state.stillReady().engine;
  const chat = readMessages(messages);
  checkLength(model, chat, "messages");
  return c.json({ prompt: (await renderChat(model, chat)).prompt });
}

const tokensOfStep = 1024;

function* inSteps<Item, Made>(items: readonly Item[], make: (item: Item) => Made) {
  const made: Made[] = [];
  for (const [i, item] of items.entries()) {
    if (i > 0 && i % tokensOfStep === 0) yield;
    made.push(make(item));
  }
  return made;
}
