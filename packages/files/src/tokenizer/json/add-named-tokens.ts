import { isJsonObject } from "../../places/read-json.js";
import type { JsonRecord } from "../expect-json.js";
import { namedTokens } from "../special-tokens.js";
import { type AddedToken, numberTokens, type TokenizerJson, withAddedTokens } from "./tokenizer-json.js";

/**
 * The tokenizer with the tokens that only the configs name, as transformers adds them: first those of
 * `added_tokens_decoder` by their ids, then the special ones. A piece that exists keeps its id and becomes an added
 * token; a new one comes behind the vocabulary, where the model has hardly a logit for it.
 */
export function addNamedTokens(json: TokenizerJson, config: JsonRecord): TokenizerJson {
  const names = new Set(Object.values(namedTokens(config)));
  const named = [...decoderTokens(config), ...specialEntries(config)].flatMap(
    (entry) => readEntry(entry, names) ?? [],
  );
  const added = numberTokens(named, json.addedTokens, json.textPieces);
  if (added.length === 0) return json;
  return {
    ...json,
    vocabulary: withAddedTokens(json.vocabulary, added),
    addedTokens: [...json.addedTokens, ...added],
  };
}

/** `{"32000": {"content": …}}`, the lowest id first. */
function decoderTokens({ added_tokens_decoder: decoder }: JsonRecord): unknown[] {
  if (!isJsonObject(decoder)) return [];
  return Object.entries(decoder)
    .sort(([a], [b]) => Number(a) - Number(b))
    .map(([, token]) => token);
}

/** As transformers numbers them: these, then what else is called a token, then those of a list. */
const order = ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"];

function specialEntries(config: JsonRecord): unknown[] {
  const { additional_special_tokens: older, extra_special_tokens: extra } = config;
  const others = Object.keys(config).filter((key) => key.endsWith("_token") && !order.includes(key));
  const named = [...order, ...others].map((key) => config[key]);
  const ofModel = isJsonObject(extra) ? Object.values(extra) : [];
  return [...named, ...ofModel, ...[extra, older].filter(Array.isArray).flat()].map((token) =>
    typeof token === "string"
      ? { content: token, special: true }
      : isJsonObject(token) && { ...token, special: true },
  );
}

function readEntry(entry: unknown, names: ReadonlySet<string>): Omit<AddedToken, "id"> | undefined {
  if (!isJsonObject(entry) || typeof entry.content !== "string") return undefined;
  if (/\p{Surrogate}/u.test(entry.content)) return undefined;
  const special = entry.special === true || names.has(entry.content);
  return {
    content: entry.content,
    special,
    singleWord: entry.single_word === true,
    lstrip: entry.lstrip === true,
    rstrip: entry.rstrip === true,
    normalized: typeof entry.normalized === "boolean" ? entry.normalized : !special,
  };
}
