import { isRecord, type JsonRecord } from "./expect-json.js";
import { namedTokens } from "./special-tokens.js";
import type { AddedToken, TokenizerJson } from "./tokenizer-json.js";

/**
 * The tokenizer with the tokens that only the configs name, as transformers adds them: first those of
 * `added_tokens_decoder` by their ids, then the special ones. A piece that exists keeps its id and becomes an added
 * token; a new one comes behind the vocabulary, where the model has hardly a logit for it.
 */
export function addNamedTokens(json: TokenizerJson, config: JsonRecord): TokenizerJson {
  const names = new Set(Object.values(namedTokens(config)));
  const known = new Set(json.addedTokens.map((token) => token.content));
  const vocabulary = new Map(json.vocabulary);
  let next = [...vocabulary.values()].reduce((most, id) => Math.max(most, id), -1) + 1;
  const added: AddedToken[] = [];
  for (const entry of [...decoderTokens(config), ...specialEntries(config)]) {
    const token = readEntry(entry, names);
    if (!token || known.has(token.content)) continue;
    known.add(token.content);
    const id = vocabulary.get(token.content) ?? next++;
    vocabulary.set(token.content, id);
    added.push({ ...token, id });
  }
  return added.length === 0 ? json : { ...json, vocabulary, addedTokens: [...json.addedTokens, ...added] };
}

/** `{"32000": {"content": …}}`, the lowest id first. */
function decoderTokens({ added_tokens_decoder: decoder }: JsonRecord): unknown[] {
  if (!isRecord(decoder)) return [];
  return Object.entries(decoder)
    .sort(([a], [b]) => Number(a) - Number(b))
    .map(([, token]) => token);
}

function specialEntries(config: JsonRecord): unknown[] {
  const lists = [config.additional_special_tokens, config.extra_special_tokens];
  const texts = Object.entries(config).filter(([key]) => key.endsWith("_token"));
  const entries = [...texts.map(([, token]) => token), ...lists.filter(Array.isArray).flat()];
  return entries.map((token) =>
    typeof token === "string"
      ? { content: token, special: true }
      : isRecord(token) && { ...token, special: true },
  );
}

function readEntry(entry: unknown, names: ReadonlySet<string>): Omit<AddedToken, "id"> | undefined {
  if (!isRecord(entry) || typeof entry.content !== "string" || entry.content === "") return undefined;
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
