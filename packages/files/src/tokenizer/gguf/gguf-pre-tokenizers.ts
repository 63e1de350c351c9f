import { FilesError } from "../../errors.js";
import type { JsonRecord } from "../expect-json.js";
import { BYTES_ONLY, GPT2_WORDS, splitOn } from "../words/gpt2-words.js";

/** What a `tokenizer.ggml.pre` name stands for. */
export interface PreTokenizerKind {
  /** Splits, one after the other. */
  readonly splits: readonly string[];
  readonly ignoreMerges?: boolean;
  /** Whether a begin token is added where the file does not say. */
  readonly addsBeginToken?: boolean;
  readonly normalizer?: "NFC";
}

const CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
const SPACES = "\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
const SYMBOLS = " ?[^\\s\\p{L}\\p{N}]+";

/** Words as GPT-4's tokenizer cuts them, with `digits` for runs of digits. */
const gpt4Words = (digits: string) =>
  `${CONTRACTIONS}|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|${digits}|${SYMBOLS}[\\r\\n]*|${SPACES}`;

const UPPER = "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]";
const LOWER = "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]";
const ODD_START = "[^\\r\\n\\p{L}\\p{N}]?";

/** Words as GPT-4o's tokenizer cuts them: also where lower case turns into upper case. */
const gpt4oWords = (ending: string, digits: string) =>
  `${ODD_START}${UPPER}*${LOWER}+${ending}|${ODD_START}${UPPER}+${LOWER}*${ending}|${digits}|` +
  `${SYMBOLS}[\\r\\n/]*|${SPACES}`;

const GPT2: PreTokenizerKind = { splits: [GPT2_WORDS] };
const SINGLE_DIGITS: PreTokenizerKind = { splits: ["\\p{N}", GPT2_WORDS] };
const LLAMA3: PreTokenizerKind = {
  splits: [gpt4Words("\\p{N}{1,3}")],
  ignoreMerges: true,
  addsBeginToken: true,
};
const GPT4: PreTokenizerKind = { splits: [gpt4Words("\\p{N}{1,3}")] };
const QWEN2: PreTokenizerKind = { splits: [gpt4Words("\\p{N}")], normalizer: "NFC" };
const TEKKEN: PreTokenizerKind = {
  splits: [gpt4oWords("", "\\p{N}")],
  ignoreMerges: true,
  addsBeginToken: true,
};
const GPT4O: PreTokenizerKind = { splits: [gpt4oWords(`${CONTRACTIONS}?`, "\\p{N}{1,3}")] };
const DEEPSEEK3: PreTokenizerKind = {
  splits: [
    "\\p{N}{1,3}",
    "[一-龥\u3040-ゟ゠-ヿ]+",
    "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+|" +
      ` ?[\\p{P}\\p{S}]+[\\r\\n]*|${SPACES}`,
  ],
};

/**
 * The names llama.cpp writes, each with the pre-tokenizer of the model family it was made for (that family's
 * own tokenizer.json). A file without a name, or with `default`, gets GPT-2's.
 */
const KINDS: Readonly<Record<string, PreTokenizerKind>> = {
  default: GPT2,
  "gpt-2": GPT2,
  "phi-2": GPT2,
  olmo: GPT2,
  mpt: GPT2,
  smollm: SINGLE_DIGITS,
  starcoder: SINGLE_DIGITS,
  refact: SINGLE_DIGITS,
  "command-r": SINGLE_DIGITS,
  codeshell: SINGLE_DIGITS,
  "llama-bpe": LLAMA3,
  "llama-v3": LLAMA3,
  llama3: LLAMA3,
  dbrx: GPT4,
  "smaug-bpe": GPT4,
  qwen2: QWEN2,
  stablelm2: { splits: QWEN2.splits },
  "deepseek-r1-qwen": { splits: QWEN2.splits },
  "deepseek-v3": DEEPSEEK3,
  tekken: TEKKEN,
  "gpt-4o": GPT4O,
};

/** The kind of pre-tokenizer by its name in GGUF metadata. Throws `bad-tokenizer` naming the known ones. */
export function findPreTokenizer(name: string): PreTokenizerKind {
  const kind = Object.hasOwn(KINDS, name) ? KINDS[name] : undefined;
  if (kind) return kind;
  const known = Object.keys(KINDS).join(", ");
  throw new FilesError(
    "bad-tokenizer",
    `tokenizer.ggml.pre is ${JSON.stringify(name.slice(0, 40))}, which is not known here. Known: ${known}. ` +
      "Use the model's folder with tokenizer.json instead.",
  );
}

/** Whether a pattern is one of a published family: those are known to end. */
export function isKnownSplit(pattern: string): boolean {
  return KNOWN_SPLITS.has(pattern);
}

const KNOWN_SPLITS: ReadonlySet<string> = new Set([
  GPT2_WORDS,
  ...Object.values(KINDS).flatMap((kind) => kind.splits),
]);

/** A kind as the pre-tokenizer of a tokenizer.json. */
export function preTokenizerOf(kind: PreTokenizerKind): JsonRecord {
  return { type: "Sequence", pretokenizers: [...kind.splits.map(splitOn), BYTES_ONLY] };
}
