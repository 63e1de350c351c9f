import { type ChatModel, type ChatPrompt, preferenceChats } from "@amulet-ts/core";
import type { RunConfig } from "./config.js";
import type { RunPair } from "./pairs.js";

export interface RenderedPair {
  readonly base: ChatPrompt;
  /** One, or one for each part. */
  readonly preferences: readonly ChatPrompt[];
}

/** The prompts of a pair, as a run asks it. */
export function renderPair(
  model: Pick<ChatModel, "renderChat">,
  { system, preferenceIn }: RunConfig["answers"],
  {
    question,
    preference,
    parts = [{ name: "", text: preference }],
  }: Pick<RunPair, "question" | "preference" | "parts">,
): RenderedPair {
  const asked = { question, preferenceIn, ...(system !== null && { system }) };
  const chats = parts.map(({ text }) => preferenceChats({ ...asked, preference: text }));
  return {
    base: model.renderChat(chats[0]!.base),
    preferences: chats.map((chat) => model.renderChat(chat.preference)),
  };
}
