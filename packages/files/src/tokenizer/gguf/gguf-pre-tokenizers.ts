import { FilesError } from "../../errors.js";
import type { JsonRecord } from "../expect-json.js";
import { bytesOnly, gpt2Words, splitOn } from "../words/gpt2-words.js";

/** What a `tokenizer.ggml.pre` name stands for. */
export interface PreTokenizerKind {
  /** Splits, one after the other. */
  readonly splits: readonly string[];
  readonly ignoreMerges?: boolean;
  /** Whether a begin token is added where the file does not say. */
  readonly addsBeginToken?: boolean;
  readonly normalizer?: "NFC";
}

const contractions = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
const spaces = "\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
const symbols = " ?[^\\s\\p{L}\\p{N}]+";

/** Words as GPT-4's tokenizer cuts them, with `digits` for runs of digits. */
const gpt4Words = (digits: string) =>
  `${contractions}|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|${digits}|${symbols}[\\r\\n]*|${spaces}`;

const upper = "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]";
const lower = "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]";
const oddStart = "[^\\r\\n\\p{L}\\p{N}]?";

/** Words as GPT-4o's tokenizer cuts them: also where lower case turns into upper case. */
const gpt4oWords = (ending: string, digits: string) =>
  `${oddStart}${upper}*${lower}+${ending}|${oddStart}${upper}+${lower}*${ending}|${digits}|` +
  `${symbols}[\\r\\n/]*|${spaces}`;

const gpt2: PreTokenizerKind = { splits: [gpt2Words] };
const singleDigits: PreTokenizerKind = { splits: ["\\p{N}", gpt2Words] };
const llama3: PreTokenizerKind = {
  splits: [gpt4Words("\\p{N}{1,3}")],
  ignoreMerges: true,
  addsBeginToken: true,
};
const gpt4: PreTokenizerKind = { splits: [gpt4Words("\\p{N}{1,3}")] };
const qwen2: PreTokenizerKind = { splits: [gpt4Words("\\p{N}")], normalizer: "NFC" };
const tekken: PreTokenizerKind = {
  splits: [gpt4oWords("", "\\p{N}")],
  ignoreMerges: true,
  addsBeginToken: true,
};
const gpt4o: PreTokenizerKind = { splits: [gpt4oWords(`${contractions}?`, "\\p{N}{1,3}")] };
const deepseek3: PreTokenizerKind = {
  splits: [
    "\\p{N}{1,3}",
    "[一-龥\u3040-ゟ゠-ヿ]+",
    "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+|" +
      ` ?[\\p{P}\\p{S}]+[\\r\\n]*|${spaces}`,
  ],
};

/**
 * The names llama.cpp writes, each with the pre-tokenizer of the model family it was made for (that family's
 * own tokenizer.json). A file without a name, or with `default`, gets GPT-2's.
 */
const kinds: Readonly<Record<string, PreTokenizerKind>> = {
  default: gpt2,
  "gpt-2": gpt2,
  "phi-2": gpt2,
  olmo: gpt2,
  mpt: gpt2,
  smollm: singleDigits,
  starcoder: singleDigits,
  refact: singleDigits,
  "command-r": singleDigits,
  codeshell: singleDigits,
  "llama-bpe": llama3,
  "llama-v3": llama3,
  llama3: llama3,
  dbrx: gpt4,
  "smaug-bpe": gpt4,
  qwen2: qwen2,
  stablelm2: { splits: qwen2.splits },
  "deepseek-r1-qwen": { splits: qwen2.splits },
  "deepseek-v3": deepseek3,
  tekken: tekken,
  "gpt-4o": gpt4o,
};

/** The kind of pre-tokenizer by its name in GGUF metadata. Throws `bad-tokenizer` naming the known ones. */
export function findPreTokenizer(name: string): PreTokenizerKind {
  const kind = Object.hasOwn(kinds, name) ? kinds[name] : undefined;
  if (kind) return kind;
  const known = Object.keys(kinds).join(", ");
  throw new FilesError(
    "bad-tokenizer",
    `tokenizer.ggml.pre is ${JSON.stringify(name.slice(0, 40))}, which is not known here. Known: ${known}. ` +
      "Use the model's folder with tokenizer.json instead.",
  );
}

/** Whether a pattern is one of a published family: those are known to end. */
export function isKnownSplit(pattern: string): boolean {
  return knownSplits.has(pattern);
}

const knownSplits: ReadonlySet<string> = new Set([
  gpt2Words,
  ...Object.values(kinds).flatMap((kind) => kind.splits),
]);

/** A kind as the pre-tokenizer of a tokenizer.json. */
export function preTokenizerOf(kind: PreTokenizerKind): JsonRecord {
  return { type: "Sequence", pretokenizers: [...kind.splits.map(splitOn), bytesOnly] };
}
