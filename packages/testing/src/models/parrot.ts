import type { ChatMessage, ChatModel } from "@amulet-ts/core";
import { ToyModel } from "./toy-model.js";

/** What is said after a prompt; a string is said after every prompt. */
type Says = string | ((prompt: string) => string);

const promptEnd = 1;

/** Says what it is told to say, one character a token, and ends; ids are character codes, 0 is the end. */
export class Parrot extends ToyModel implements ChatModel {
  constructor(says: Says) {
    const next = (row: readonly number[]) => {
      const end = row.lastIndexOf(promptEnd);
      const prompt = String.fromCharCode(...row.slice(0, end));
      const text = typeof says === "string" ? says : says(prompt);
      const at = row.length - end - 1;
      const said = at < text.length ? text.charCodeAt(at) : 0;
      return Array.from({ length: 128 }, (_, id) => (id === said ? 9 : 0));
    };
    super(next, 128, new Set([0]));
  }

  renderChat(messages: readonly ChatMessage[]) {
    const prompt = messages.map(({ role, content }) => `${role}: ${content}\n`).join("");
    return { prompt, ids: [...prompt].map((character) => character.charCodeAt(0)).concat(promptEnd) };
  }

  textStream() {
    return { push: (id: number) => String.fromCharCode(id), flush: () => "" };
  }
}
