import type { AddedToken } from "./json/tokenizer-json.js";

/** Texts that end turns or mark roles in the wild, also where a file forgets to call them special. */
const looksLikeControl = /^(?:<\|[^<>]+\|>|<｜[^<>]+｜>|<(?:start|end)_of_turn>|<\/?s>|\[\/?INST\])$/;

export function isControl(token: AddedToken): boolean {
  return token.special || looksLikeControl.test(token.content);
}

/** The text with every half surrogate pair replaced by U+FFFD, as UTF-8 would. */
export function toWellFormed(text: string): string {
  return text.replace(/\p{Surrogate}/gu, "\ufffd");
}
