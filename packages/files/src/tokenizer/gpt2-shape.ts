import { BYTES_ONLY, GPT2_WORDS, splitOn } from "./components.js";
import type { TokenizerJson } from "./tokenizer-json.js";

const byteCount = 256;
const mergeCount = 50_000;
const endOfText = "<|endoftext|>";
const gpt2Words = JSON.stringify({ type: "Sequence", pretokenizers: [splitOn(GPT2_WORDS), BYTES_ONLY] });

/** Whether everything but the tokens' bytes is as in GPT-2: then their bytes decide. */
export function hasGpt2Shape(json: TokenizerJson): boolean {
  const { vocabulary, merges, addedTokens, normalizer, preTokenizer } = json;
  return (
    vocabulary.size === byteCount + mergeCount + 1 &&
    vocabulary.get(endOfText) === byteCount + mergeCount &&
    addedTokens.every(({ content }) => content === endOfText) &&
    normalizer === null &&
    JSON.stringify(preTokenizer) === gpt2Words &&
    merges.length === mergeCount &&
    merges.every(([left, right], rank) => vocabulary.get(left + right) === byteCount + rank)
  );
}

/** Two characters on which JavaScript's idea of white space, gpt-tokenizer's, and Unicode's, GPT-2's, differ. */
export const disputedSpace = /[\u0085\ufeff]/;
