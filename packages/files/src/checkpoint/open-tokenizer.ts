/** A model's text side alone: its tokenizer and chat template, no weights. */

import { FilesError } from "../errors.js";
import { openGguf } from "../formats/gguf.js";
import type { Place } from "../places/place.js";
import { type RenderedChat, renderedChatSteps } from "../templates/chat-ids.js";
import type { ChatMessage } from "../templates/chat-template.js";
import { finish, type Steps } from "../tokenizer/encode/steps.js";
import type { Tokenizer } from "../tokenizer/index.js";
import { isFolder } from "./checkpoint.js";
import { readConfigFile, readFolderText } from "./folder-files.js";
import { readMetadataText, type TextFiles } from "./text-files.js";

export interface ModelTokenizer {
  /** The model's, for people. */
  readonly name: string;
  readonly tokenizer: Tokenizer;
  /** Renders a chat with the model's template, ready for an answer. @throws FilesError `bad-template` */
  renderChat(messages: readonly Pick<ChatMessage, "role" | "content">[]): RenderedChat;
  /** The same in steps of about a millisecond, for whoever has other things to do in between. */
  renderChatSteps(messages: readonly Pick<ChatMessage, "role" | "content">[]): Steps<RenderedChat>;
}

/**
 * Opens the tokenizer of a model. Of a folder only its JSON files and chat template are read (the weights need not
 * be there), of a GGUF file only the header.
 *
 * @throws FilesError `file-not-found`, `not-a-model`, `bad-tokenizer`, `bad-template`, and what the formats throw
 */
export async function openTokenizer(place: Place): Promise<ModelTokenizer> {
  const folder = await isFolder(place);
  const { tokenizer, chatTemplate } = folder ? await readFolder(place) : await readGguf(place);
  const renderChatSteps: ModelTokenizer["renderChatSteps"] = (messages) =>
    renderedChatSteps(
      tokenizer,
      chatTemplate,
      messages.map((message) => ({ ...message })),
    );
  return {
    name: folder ? place.name : place.name.replace(/\.gguf$/, ""),
    tokenizer,
    renderChat: (messages) => finish(renderChatSteps(messages)),
    renderChatSteps,
  };
}

async function readFolder(folder: Place): Promise<TextFiles> {
  const text = await readFolderText(folder, await readConfigFile(folder));
  if (text) return text;
  throw new FilesError(
    "not-a-model",
    `${folder.path} has no tokenizer: tokenizer.json is missing. Name a folder in Hugging Face's layout or a .gguf file.`,
  );
}

async function readGguf(place: Place): Promise<TextFiles> {
  const { metadata, close } = await openGguf(place);
  await close();
  return readMetadataText(metadata);
}
