/** Patterns of tokenizer.json, which are Oniguruma's, as JavaScript's regular expressions. */

import { Tokenizer as LibraryTokenizer } from "@huggingface/tokenizers";
import { FilesError } from "../../errors.js";
import { isJsonObject } from "../../places/read-json.js";
import { badTokenizer, describe } from "../expect-json.js";
import { rewritePattern } from "./rewrite-pattern.js";

/**
 * Compiles `{"Regex": …}` or `{"String": …}`. The library translates character classes and escapes, what it does not
 * know is rewritten before or refused.
 *
 * @throws FilesError `bad-tokenizer`
 */
export function compilePattern(value: unknown, where: string): RegExp {
  if (isJsonObject(value)) {
    if (typeof value.Regex === "string") return compileRegex(value.Regex, where);
    if (typeof value.String === "string") return new RegExp(escapePattern(value.String), "gu");
  }
  throw badTokenizer(where, '{"Regex": …} or {"String": …}', value);
}

const longest = 10_000;

function compileRegex(source: string, where: string): RegExp {
  if (source === "") return /(?:)/gu;
  if (source.length > longest)
    throw badTokenizer(where, `a pattern of at most ${longest} characters`, source);
  try {
    return translate(rewritePattern(source));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const message = `${where}: the pattern ${describe(source)} is not read: ${reason}.`;
    throw new FilesError("bad-tokenizer", message, { cause });
  }
}

/** The library shows its translation of a pattern in what it builds of it. */
function translate(source: string): RegExp {
  const split = { type: "Split", pattern: { Regex: source }, behavior: "Isolated", invert: false };
  const { pre_tokenizer: built } = new LibraryTokenizer({ ...emptyTokenizer, pre_tokenizer: split }, {});
  const { pattern } = built as unknown as { readonly pattern: RegExp };
  return pattern;
}

const emptyTokenizer = {
  added_tokens: [],
  normalizer: null,
  post_processor: null,
  decoder: null,
  model: { type: "BPE", vocab: {}, merges: [] },
};

function escapePattern(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");
}
