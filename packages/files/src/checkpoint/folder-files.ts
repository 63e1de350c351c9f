/** The small files of a folder in Hugging Face's layout. */
import { FilesError } from "../errors.js";
import type { Place } from "../places/place.js";
import { isJsonObject, type JsonObject, readJsonObject, readJsonText } from "../places/read-json.js";
import { findChatTemplate } from "../templates/chat-template.js";
import { finishInTurns } from "../tokenizer/encode/steps.js";
import {
  type JsonTokenizerFiles,
  parseTokenizerConfig,
  type Tokenizer,
  tokenizerFromJsonSteps,
} from "../tokenizer/index.js";
import type { TextFiles } from "./text-files.js";

/** Four times the longest known. */
const longestTokenizer = 128 << 20;

const longestTemplate = 1 << 20;

/** config.json as it stands; nothing where it is absent. @throws FilesError `bad-config` */
export function readConfigFile(folder: Place): Promise<JsonObject | undefined> {
  return readJsonObject(folder.child("config.json"));
}

/**
 * Tokenizer and chat template of a folder; nothing where it has no tokenizer.json.
 *
 * @param config knows more ids that end an answer
 * @throws FilesError `bad-tokenizer`, `bad-template`, `bad-config`
 */
export async function readFolderText(folder: Place, config: JsonObject = {}): Promise<TextFiles | undefined> {
  const readText = (name: string) => readJsonText(folder.child(name), "bad-tokenizer");
  const tokenizerText = await readJsonText(folder.child("tokenizer.json"), "bad-tokenizer", longestTokenizer);
  if (tokenizerText === undefined) return undefined;
  const generation = (await readJsonObject(folder.child("generation_config.json"))) ?? {};
  const tokenizerConfig = await readText("tokenizer_config.json");
  const ofText = isJsonObject(config.text_config) ? config.text_config : {};
  const endTokens = [generation.eos_token_id, config.eos_token_id, ofText.eos_token_id].flat();
  const tokenizer = await readTokenizer(folder, {
    tokenizer: tokenizerText,
    config: tokenizerConfig,
    specialTokensMap: await readText("special_tokens_map.json"),
    addedTokens: await readText("added_tokens.json"),
    endTokens,
  });
  return {
    tokenizer,
    chatTemplate: findChatTemplate({
      jinja: await folder.child("chat_template.jinja").readText(longestTemplate),
      config: tokenizerConfig === undefined ? undefined : parseTokenizerConfig(tokenizerConfig),
    }),
  };
}

/** The messages of a tokenizer know its files by their names only. */
async function readTokenizer({ path }: Place, files: JsonTokenizerFiles): Promise<Tokenizer> {
  try {
    return await finishInTurns(tokenizerFromJsonSteps(files));
  } catch (cause) {
    if (!(cause instanceof FilesError)) throw cause;
    throw new FilesError(cause.code, `${path}: ${cause.message}`, { cause });
  }
}
