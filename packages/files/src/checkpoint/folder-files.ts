/** The small files of a folder in Hugging Face's layout. */
import { FilesError } from "../errors.js";
import type { Place } from "../places/place.js";
import { findChatTemplate } from "../templates/chat-template.js";
import { isRecord } from "../tokenizer/expect-json.js";
import { hastenGpt2, parseTokenizerConfig, tokenizerFromJson } from "../tokenizer/index.js";
import type { TextFiles } from "./text-files.js";

export type ConfigValues = Readonly<Record<string, unknown>>;

/** config.json as it stands; nothing where it is absent. @throws FilesError `bad-config` */
export function readConfigFile(folder: Place): Promise<ConfigValues | undefined> {
  return readObject(folder.child("config.json"));
}

/**
 * Tokenizer and chat template of a folder; nothing where it has no tokenizer.json.
 *
 * @param config knows more ids that end an answer
 * @throws FilesError `bad-tokenizer`, `bad-template`, `bad-config`
 */
export async function readFolderText(
  folder: Place,
  config: ConfigValues = {},
): Promise<TextFiles | undefined> {
  const readText = (name: string) => folder.child(name).readText();
  const tokenizerText = await readText("tokenizer.json");
  if (tokenizerText === undefined) return undefined;
  const generation = (await readObject(folder.child("generation_config.json"))) ?? {};
  const tokenizerConfig = await readText("tokenizer_config.json");
  const ofText = isRecord(config.text_config) ? config.text_config : {};
  const endTokens = [generation.eos_token_id, config.eos_token_id, ofText.eos_token_id].flat();
  const tokenizer = tokenizerFromJson({
    tokenizer: tokenizerText,
    config: tokenizerConfig,
    specialTokensMap: await readText("special_tokens_map.json"),
    endTokens,
  });
  await hastenGpt2(tokenizer);
  return {
    tokenizer,
    chatTemplate: findChatTemplate({
      jinja: await readText("chat_template.jinja"),
      config: tokenizerConfig === undefined ? undefined : parseTokenizerConfig(tokenizerConfig),
    }),
  };
}

async function readObject(file: Place): Promise<ConfigValues | undefined> {
  const text = await file.readText();
  return text === undefined ? undefined : parseObject(text, file.path);
}

function parseObject(text: string, path: string): ConfigValues {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new FilesError(
      "bad-config",
      `${path} is not JSON: ${(cause as Error).message}. Fetch the file again.`,
      { cause },
    );
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as ConfigValues;
  throw new FilesError("bad-config", `${path} must hold a JSON object.`);
}
