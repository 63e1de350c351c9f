import { type ChatModel, type ChatPrompt, preferenceChats } from "@amulet-ts/core";
import type { Pair } from "../scorers/scorer.js";
import type { RunConfig } from "./config.js";

export interface RenderedPair {
  readonly base: ChatPrompt;
  readonly preference: ChatPrompt;
}

/** Both prompts of a pair, as a run asks it. */
export function renderPair(
  model: Pick<ChatModel, "renderChat">,
  { system, preferenceIn }: RunConfig["answers"],
  { question, preference }: Pair,
): RenderedPair {
  const chats = preferenceChats({ question, preference, preferenceIn, ...(system !== null && { system }) });
  return { base: model.renderChat(chats.base), preference: model.renderChat(chats.preference) };
}
