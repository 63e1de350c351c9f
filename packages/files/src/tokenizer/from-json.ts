import { FilesError } from "../errors.js";
import {
  badTokenizer,
  expectArray,
  expectRecord,
  expectString,
  isRecord,
  type JsonRecord,
} from "./expect-json.js";
import { namedTokens } from "./special-tokens.js";
import { createTokenizer, type Tokenizer, type TokenRoles } from "./tokenizer.js";
import { readTokenizerJson } from "./tokenizer-json.js";

export interface JsonTokenizerFiles {
  /** The text of tokenizer.json. */
  readonly tokenizer: string;
  /** The text of tokenizer_config.json, where there is one. */
  readonly config?: string | undefined;
  /** The text of special_tokens_map.json, where there is one. */
  readonly specialTokensMap?: string | undefined;
  /** More ids that end an answer, as generation_config.json and config.json list them. */
  readonly endTokens?: readonly number[] | undefined;
}

/**
 * A tokenizer from Hugging Face's files. Whether a begin token is added: `add_bos_token` of the config where it
 * is given, the post-processor of tokenizer.json otherwise. Throws `bad-tokenizer`.
 */
export function tokenizerFromJson(files: JsonTokenizerFiles): Tokenizer {
  const file = parseJson(files.tokenizer, "tokenizer.json");
  const config = withSpecialTokensMap(
    files.config === undefined ? {} : parseTokenizerConfig(files.config),
    files.specialTokensMap,
  );
  const json = readTokenizerJson(file);
  return createTokenizer(json, readRoles(file, config, json.vocabulary, files.endTokens ?? []));
}

/** The content of tokenizer_config.json as an object. Throws `bad-tokenizer`. */
export function parseTokenizerConfig(text: string): JsonRecord {
  return expectRecord(parseJson(text, "tokenizer_config.json"), "tokenizer_config.json");
}

/**
 * The config with the tokens of special_tokens_map.json. Which of the two files has the last word is transformers'
 * rule: a config that lists `added_tokens_decoder` is the newer form.
 */
function withSpecialTokensMap(config: JsonRecord, text: string | undefined): JsonRecord {
  if (text === undefined) return config;
  const name = "special_tokens_map.json";
  const map = expectRecord(parseJson(text, name), name);
  return isRecord(config.added_tokens_decoder) ? { ...map, ...config } : { ...config, ...map };
}

function parseJson(text: string, name: string): unknown {
  try {
    return JSON.parse(text.replace(/^\ufeff/, ""));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new FilesError("bad-tokenizer", `${name} is not JSON: ${reason}. Fetch the file again.`, { cause });
  }
}

function readRoles(
  file: unknown,
  config: JsonRecord,
  vocabulary: ReadonlyMap<string, number>,
  moreEndTokens: readonly number[],
): TokenRoles {
  const begin = readNamedToken(config, "bos_token", vocabulary);
  const end = readNamedToken(config, "eos_token", vocabulary);
  const ids = new Set(vocabulary.values());
  const endTokens = moreEndTokens.filter((id) => ids.has(id));
  const first = firstAddedToken(expectRecord(file, "tokenizer.json").post_processor);
  const beginToken = begin ?? (first === undefined ? undefined : vocabulary.get(first));
  return {
    beginToken,
    addsBeginToken: readAddsBegin(config) ?? (first !== undefined && vocabulary.get(first) === beginToken),
    endTokens: end === undefined ? endTokens : [end, ...endTokens],
    specialTokens: namedTokens(config),
  };
}

/** A token named in the config, as a text or as an object with `content`; its id. */
function readNamedToken(
  config: JsonRecord,
  key: "bos_token" | "eos_token",
  vocabulary: ReadonlyMap<string, number>,
): number | undefined {
  const value = config[key];
  if (value === null || value === undefined) return undefined;
  const where = `tokenizer_config.json: ${key}`;
  const piece = expectString(isRecord(value) ? value.content : value, where);
  const id = vocabulary.get(piece);
  if (id === undefined) throw badTokenizer(where, "a token of tokenizer.json", piece);
  return id;
}

function readAddsBegin(config: JsonRecord): boolean | undefined {
  const value = config.add_bos_token;
  if (value === null || value === undefined) return undefined;
  if (typeof value === "boolean") return value;
  throw badTokenizer("tokenizer_config.json: add_bos_token", "true or false", value);
}

/** The special token that a post-processor (a template, or a sequence with one) puts before a single text. */
function firstAddedToken(processor: unknown): string | undefined {
  if (!isRecord(processor)) return undefined;
  if (processor.type === "Sequence") {
    const parts = expectArray(processor.processors, "post_processor.processors");
    return parts.map(readTemplateStart).find((token) => token !== undefined);
  }
  return readTemplateStart(processor);
}

function readTemplateStart(processor: unknown): string | undefined {
  if (!isRecord(processor) || processor.type !== "TemplateProcessing") return undefined;
  const [first] = expectArray(processor.single, "post_processor.single");
  const token = isRecord(first) ? first.SpecialToken : undefined;
  return isRecord(token) ? expectString(token.id, "post_processor.single[0].SpecialToken.id") : undefined;
}
