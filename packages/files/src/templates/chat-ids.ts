import { toWellFormed } from "../tokenizer/control-tokens.js";
import { replaceStandIns } from "../tokenizer/encode/encoder.js";
import { finish, type Steps } from "../tokenizer/encode/steps.js";
import type { SpecialTokens } from "../tokenizer/special-tokens.js";
import type { Tokenizer } from "../tokenizer/tokenizer.js";
import { type ChatMessage, type ChatOptions, type ChatTemplate, renderChat } from "./chat-template.js";
import { protectMessages } from "./protect-messages.js";

/** A chat as a model reads it. */
export interface RenderedChat {
  readonly prompt: string;
  readonly ids: readonly number[];
  /** One line for the user where something was done without being asked for. */
  readonly note?: string;
}

/**
 * Renders a chat and encodes it. Control tokens come from the template alone: a message that spells one out is
 * encoded as text. A begin token is put before the prompt where the model wants one and the template has written
 * none. Without a template the messages' texts are the prompt, and `note` says so. Throws `bad-template`.
 */
export function renderedChatIds(
  tokenizer: Tokenizer,
  template: ChatTemplate | string | undefined,
  messages: readonly ChatMessage[],
  options: ChatOptions = {},
): RenderedChat {
  return finish(renderedChatSteps(tokenizer, template, messages, options));
}

/** The same in steps of about a millisecond, for whoever has other things to do in between. */
export function* renderedChatSteps(
  tokenizer: Tokenizer,
  template: ChatTemplate | string | undefined,
  messages: readonly ChatMessage[],
  options: ChatOptions = {},
): Steps<RenderedChat> {
  if (template === undefined) return yield* plainPrompt(tokenizer, messages);
  const source = typeof template === "string" ? template : template.source;
  const { messages: guarded, standIns } = protectMessages(messages, tokenizer.controlPieces, source);
  const asked = { specialTokens: specialTokensOf(tokenizer), ...options };
  const rendered = renderChat(template, guarded, asked, new Set(standIns.keys()));
  return {
    prompt: replaceStandIns(toWellFormed(rendered), standIns),
    ids: withBeginToken(tokenizer, yield* tokenizer.encodeSteps(rendered, { parseSpecial: true, standIns })),
  };
}

/** The ids with the begin token before them, unless it is there already or the model wants none. */
function withBeginToken(tokenizer: Tokenizer, ids: number[]): number[] {
  const { beginToken, addsBeginToken } = tokenizer;
  if (!addsBeginToken || beginToken === undefined || ids[0] === beginToken) return ids;
  return [beginToken, ...ids];
}

function* plainPrompt(tokenizer: Tokenizer, messages: readonly ChatMessage[]): Steps<RenderedChat> {
  const prompt = toWellFormed(messages.map((message) => message.content).join("\n\n"));
  return {
    prompt,
    ids: withBeginToken(tokenizer, yield* tokenizer.encodeSteps(prompt)),
    note: "This model has no chat template; it gets the plain text of the messages.",
  };
}

/** The begin and the end token have their names also where no file gives them one. */
function specialTokensOf(tokenizer: Tokenizer): SpecialTokens {
  const ids = { bos_token: tokenizer.beginToken, eos_token: tokenizer.endTokens[0] };
  const known = Object.entries(ids).flatMap(([name, id]) =>
    id === undefined ? [] : [[name, tokenizer.piece(id)]],
  );
  return { ...Object.fromEntries(known), ...tokenizer.specialTokens };
}
