/** What turns chats into ids and back, without the weights. */
import type { GgufMetadata } from "../formats/gguf-metadata.js";
import { type ChatTemplate, findChatTemplate } from "../templates/chat-template.js";
import { finishInTurns } from "../tokenizer/encode/steps.js";
import { type Tokenizer, tokenizerFromGgufSteps } from "../tokenizer/index.js";

export interface TextFiles {
  readonly tokenizer: Tokenizer;
  readonly chatTemplate: ChatTemplate | undefined;
}

/** Tokenizer and chat template of a GGUF file. @throws FilesError `bad-tokenizer`, `bad-template` */
export async function readMetadataText(metadata: GgufMetadata): Promise<TextFiles> {
  const tokenizer = await finishInTurns(tokenizerFromGgufSteps(metadata));
  return { tokenizer, chatTemplate: findChatTemplate({ metadata }) };
}
