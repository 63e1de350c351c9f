import { FilesError } from "../../errors.js";
import { isJsonObject } from "../../places/read-json.js";
import { finish, type Steps } from "../encode/steps.js";
import {
  badTokenizer,
  describe,
  expectArray,
  expectRecord,
  expectString,
  isTokenId,
  type JsonRecord,
} from "../expect-json.js";
import { namedTokens } from "../special-tokens.js";
import { createTokenizer, type Tokenizer, type TokenRoles } from "../tokenizer.js";
import { addNamedTokens } from "./add-named-tokens.js";
import { readTokenizerJson } from "./tokenizer-json.js";

export interface JsonTokenizerFiles {
  /** The text of tokenizer.json. */
  readonly tokenizer: string;
  /** The text of tokenizer_config.json, where there is one. */
  readonly config?: string | undefined;
  /** The text of special_tokens_map.json, where there is one. */
  readonly specialTokensMap?: string | undefined;
  /** The text of added_tokens.json, where there is one. */
  readonly addedTokens?: string | undefined;
  /** More ids that end an answer, as generation_config.json and config.json list them; what is no id is noted. */
  readonly endTokens?: readonly unknown[] | undefined;
}

/**
 * A tokenizer from Hugging Face's files. Whether a begin token is added: `add_bos_token` of the config where it
 * is given, the post-processor of tokenizer.json otherwise. Throws `bad-tokenizer`.
 */
export function tokenizerFromJson(files: JsonTokenizerFiles): Tokenizer {
  return finish(tokenizerFromJsonSteps(files));
}

/** The same in steps of about a millisecond, but for parsing JSON and building the tokenizer's tables. */
export function* tokenizerFromJsonSteps(files: JsonTokenizerFiles): Steps<Tokenizer> {
  const file = parseJson(files.tokenizer, "tokenizer.json");
  const config = readConfig(files);
  const json = yield* readTokenizerJson(file);
  const roles = readRoles(file, config, json.vocabulary, files.endTokens ?? []);
  return createTokenizer(addNamedTokens(json, config), roles);
}

/** The content of tokenizer_config.json as an object. Throws `bad-tokenizer`. */
export function parseTokenizerConfig(text: string): JsonRecord {
  return parseRecord(text, "tokenizer_config.json");
}

/**
 * tokenizer_config.json with what two older files add to it. As in transformers a config that lists
 * `added_tokens_decoder` is of the newer form, beside which they count for nothing.
 */
function readConfig({ config, specialTokensMap, addedTokens }: JsonTokenizerFiles): JsonRecord {
  const own = config === undefined ? {} : parseTokenizerConfig(config);
  if (isJsonObject(own.added_tokens_decoder)) return own;
  const map = parseRecord(specialTokensMap, "special_tokens_map.json");
  const added = Object.entries(parseRecord(addedTokens, "added_tokens.json"));
  const decoder = Object.fromEntries(added.map(([content, id]) => [String(id), { content }]));
  return { ...own, ...map, added_tokens_decoder: decoder };
}

function parseRecord(text: string | undefined, name: string): JsonRecord {
  return text === undefined ? {} : expectRecord(parseJson(text, name), name);
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
  moreEndTokens: readonly unknown[],
): TokenRoles {
  const specialTokens = namedTokens(config);
  const { bos_token: begin, eos_token: end } = specialTokens;
  const first = firstAddedToken(expectRecord(file, "tokenizer.json").post_processor);
  const beginToken = idOf(begin, vocabulary) ?? idOf(first, vocabulary);
  const more = moreEndTokens.filter((id) => id !== undefined && id !== null);
  return {
    beginToken,
    addsBeginToken: readAddsBegin(config) ?? (first !== undefined && vocabulary.get(first) === beginToken),
    endTokens: [idOf(end, vocabulary), ...more].filter(isTokenId),
    specialTokens,
    notes: [
      ...unknownToken("bos_token", begin, vocabulary),
      ...unknownToken("eos_token", end, vocabulary),
      ...more.filter((id) => !isTokenId(id)).map(badEndToken),
    ],
  };
}

/** An empty text is no token. */
function idOf(piece: string | undefined, vocabulary: ReadonlyMap<string, number>): number | undefined {
  return piece ? vocabulary.get(piece) : undefined;
}

function unknownToken(
  key: string,
  piece: string | undefined,
  vocabulary: ReadonlyMap<string, number>,
): string[] {
  if (!piece || vocabulary.has(piece)) return [];
  return [
    `tokenizer_config.json: ${key} is ${describe(piece)}, which tokenizer.json lacks: the model can't say it.`,
  ];
}

function badEndToken(id: unknown): string {
  return `eos_token_id ${describe(id)} of the model's config files is no token id: passed over.`;
}

function readAddsBegin(config: JsonRecord): boolean | undefined {
  const value = config.add_bos_token;
  if (value === null || value === undefined) return undefined;
  if (typeof value === "boolean") return value;
  throw badTokenizer("tokenizer_config.json: add_bos_token", "true or false", value);
}

/** The special token that a post-processor (a template, or a sequence with one) puts before a single text. */
function firstAddedToken(processor: unknown): string | undefined {
  if (!isJsonObject(processor)) return undefined;
  if (processor.type === "Sequence") {
    const parts = expectArray(processor.processors, "post_processor.processors");
    return parts.map(readTemplateStart).find((token) => token !== undefined);
  }
  return readTemplateStart(processor);
}

function readTemplateStart(processor: unknown): string | undefined {
  if (!isJsonObject(processor) || processor.type !== "TemplateProcessing") return undefined;
  const [first] = expectArray(processor.single, "post_processor.single");
  const token = isJsonObject(first) ? first.SpecialToken : undefined;
  return isJsonObject(token) ? expectString(token.id, "post_processor.single[0].SpecialToken.id") : undefined;
}
