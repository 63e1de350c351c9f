/** The prompts of a request as a model reads them. */
import {
  addToChat,
  type ChatMessage,
  type ChatModel,
  type ChatPrompt,
  type Engine,
  type Prompts,
  type TokenRow,
  takeTurns,
  type WeightedPreference,
  type WeightedPrompt,
} from "@amulet-ts/core";
import { ServerError } from "../errors.js";
import type { Message } from "../protocol/chat.js";
import { isFull } from "../protocol/unsupported.js";
import type { Steer, Wishes } from "./steer.js";

/** A base prompt, and one for each preference. */
export interface ReadPrompts extends Prompts {
  readonly preferences: readonly Required<WeightedPrompt>[];
}

const roles: Readonly<Record<string, ChatMessage["role"]>> = {
  system: "system",
  developer: "system",
  user: "user",
  assistant: "assistant",
};

/** @throws ServerError `bad-request` for a role that there is none of, `unsupported` for more than text */
export function readMessages(messages: readonly Message[]): ChatMessage[] {
  return messages.map((message, i) => {
    const { role, content } = message;
    if (!Object.hasOwn(roles, role))
      throw new ServerError(
        role === "tool" || role === "function" ? "unsupported" : "bad-request",
        `messages.${i}.role must be system, developer, user or assistant; it is ${JSON.stringify(role.slice(0, 40))}.`,
        { param: `messages.${i}.role` },
      );
    const asked = ["tool_calls", "function_call", "audio"].find((name) => isFull(message[name]));
    if (asked !== undefined)
      throw new ServerError("unsupported", `messages.${i}.${asked} can't be read here: messages are text.`, {
        param: `messages.${i}.${asked}`,
      });
    return { role: roles[role]!, content: readContent(role === "assistant" ? (content ?? "") : content, i) };
  });
}

function readContent(content: Message["content"], i: number): string {
  if (content === null || content === undefined)
    throw new ServerError("bad-request", `messages.${i}.content is missing: messages are text.`, {
      param: `messages.${i}.content`,
    });
  if (typeof content === "string") return content;
  return content
    .map(({ type, text }, k) => {
      if (type === "text" && typeof text === "string") return text;
      const what = JSON.stringify(type.slice(0, 40));
      throw new ServerError(
        "unsupported",
        `messages.${i}.content.${k} is of the type ${what}, and only text can be read here.`,
        { param: `messages.${i}.content.${k}.type` },
      );
    })
    .join("\n");
}

/** The chats differ by what is preferred alone; earlier turns stand in all of them. @throws CoreError, FilesError */
export function chatPrompts(
  model: ChatModel,
  messages: readonly ChatMessage[],
  { place, ...wishes }: Asked,
): Promise<ReadPrompts> {
  checkLength(model, messages, "messages");
  return promptsOf(wishes, async (words) => (await renderChat(model, addToChat(messages, words, place))).ids);
}

/** While a chat is cut into tokens the others get theirs. */
export async function renderChat(model: ChatModel, messages: readonly ChatMessage[]): Promise<ChatPrompt> {
  return model.renderChatSteps ? takeTurns(model.renderChatSteps(messages)) : model.renderChat(messages);
}

/** The same of a text. */
export async function encodeText(
  tokenizer: Engine["tokenizer"],
  text: string,
  options: { readonly parseSpecial: boolean },
): Promise<TokenRow> {
  return tokenizer.encodeSteps
    ? takeTurns(tokenizer.encodeSteps(text, options))
    : tokenizer.encode(text, options);
}

/** A text has no turns: what is preferred stands in front of it. */
export function textPrompts(
  { model, tokenizer }: Engine,
  prompt: string | TokenRow,
  wishes: Asked,
): Promise<ReadPrompts> {
  if (isSteered(wishes) && typeof prompt !== "string")
    throw new ServerError(
      "unsupported",
      "A prompt of token ids can't be given a preference: give it as text.",
      { param: "prompt" },
    );
  if (wishes.place !== undefined)
    throw new ServerError(
      "bad-request",
      "amulet.preference_in is for chats; a text has its preference in front.",
      { param: "amulet.preference_in" },
    );
  if (typeof prompt === "string") checkLength(model, [{ content: prompt }], "prompt");
  const { beginToken, addsBeginToken = false } = tokenizer;
  const start = addsBeginToken && beginToken !== undefined ? [beginToken] : [];
  return promptsOf(wishes, async (words) => {
    if (typeof prompt !== "string") return prompt;
    const text = words === "" ? prompt : `${words}\n\n${prompt}`;
    return [...start, ...(await encodeText(tokenizer, text, { parseSpecial: true }))];
  });
}

/** More than a token has in any prose or code: a text that is longer than so many of them fits into no context. */
const charactersOfToken = 16;

/**
 * A text that can't fit is refused before it is cut into tokens.
 *
 * @throws ServerError `context-overflow`
 */
export function checkLength(
  { name, contextLength }: ChatModel,
  parts: readonly Pick<ChatMessage, "content">[],
  param: string,
): void {
  const length = parts.reduce((sum, { content }) => sum + content.length, 0);
  const most = contextLength * charactersOfToken;
  if (length <= most) return;
  throw new ServerError(
    "context-overflow",
    `${name} reads at most ${contextLength} tokens, and ${param} has ${length} characters: at most ${most} are taken.`,
    { param },
  );
}

/** Wishes, and what the answer has already. */
type Asked = Wishes & Pick<Steer, "begun">;

const isSteered = ({ preferences, negativePrompt }: Omit<Wishes, "place">) =>
  preferences.length > 0 || negativePrompt !== undefined;

/** Beside a negative prompt alone stands the prompt as it is: the answer moves away from the one to the other. */
async function promptsOf(
  wishes: Omit<Asked, "place">,
  renderPrompt: (words: string) => Promise<TokenRow>,
): Promise<ReadPrompts> {
  const { preferences, negativePrompt = "", begun } = wishes;
  const render = async (words: string): Promise<TokenRow> => [...(await renderPrompt(words)), ...begun];
  const plain: WeightedPreference = { text: "", weight: 1 };
  const wanted = preferences.length === 0 && isSteered(wishes) ? [plain] : preferences;
  const base = await render(negativePrompt);
  const rendered: Required<WeightedPrompt>[] = [];
  for (const { text, weight = 1 } of wanted) rendered.push({ tokens: await render(text), weight });
  return { base, preferences: rendered };
}

export function countTokens(all: readonly ReadPrompts[]) {
  const sum = (rows: readonly TokenRow[]) => rows.reduce((total, { length }) => total + length, 0);
  return {
    base: sum(all.map(({ base }) => base)),
    preference: sum(all.flatMap(({ preferences }) => preferences.map(({ tokens }) => tokens))),
  };
}
