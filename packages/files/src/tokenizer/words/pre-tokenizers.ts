import { spellBytes } from "../decode/piece-bytes.js";
import {
  badTokenizer,
  expectArray,
  expectCharacter,
  expectRecord,
  expectString,
  type JsonRecord,
} from "../expect-json.js";
import { gpt2Words } from "./gpt2-words.js";
import { deepestNesting } from "./normalizers.js";
import { compilePattern } from "./patterns.js";
import { type Behavior, splitText, toBehavior } from "./split-text.js";

/** Cuts a text into words, one by one as they are asked for. `isFirst`: it begins where the whole text begins. */
export type PreTokenizer = (text: string, isFirst: boolean) => Iterable<string>;

const builders: Readonly<Record<string, (record: JsonRecord, where: string) => PreTokenizer>> = {
  BertPreTokenizer: () => inTurn([cut(space, "Removed"), cut(punctuation, "Isolated")]),
  ByteLevel: buildByteLevel,
  CharDelimiterSplit: buildCharDelimiter,
  Digits: (record) => cut(/\p{N}/gu, record.individual_digits === true ? "Isolated" : "Contiguous"),
  FixedLength: buildFixedLength,
  Metaspace: buildMetaspace,
  Punctuation: (record, where) => cut(punctuation, toBehavior(record.behavior ?? "Isolated", where)),
  Split: buildSplit,
  Whitespace: () => cut(wordPattern, "Removed", true),
  WhitespaceSplit: () => cut(space, "Removed"),
};

const space = /\p{White_Space}/gu;
const punctuation = /[\p{P}$+<=>^`|~]/gu;
const wordCharacters = "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\p{Join_Control}";
const wordPattern = new RegExp(`[${wordCharacters}]+|[^${wordCharacters}\\p{White_Space}]+`, "gu");

/** The pre-tokenizer that a tokenizer.json describes; none for null. @throws FilesError `bad-tokenizer` */
export function buildPreTokenizer(
  value: unknown,
  where = "pre_tokenizer",
  depth = 0,
): PreTokenizer | undefined {
  if (value === null || value === undefined) return undefined;
  if (depth > deepestNesting) throw badTokenizer(where, `at most ${deepestNesting} nested sequences`, "more");
  const record = expectRecord(value, where);
  const type = expectString(record.type, `${where}.type`);
  if (type === "Sequence") {
    const parts = expectArray(record.pretokenizers, `${where}.pretokenizers`);
    return inTurn(parts.flatMap((part, i) => buildPreTokenizer(part, `${where}[${i}]`, depth + 1) ?? []));
  }
  const build = Object.hasOwn(builders, type) ? builders[type] : undefined;
  if (!build)
    throw badTokenizer(`${where}.type`, `one of Sequence, ${Object.keys(builders).join(", ")}`, type);
  return build(record, where);
}

/** Each cuts the words of the one before; the first of them stays the first, unless something before it was removed. */
function inTurn(steps: readonly PreTokenizer[]): PreTokenizer {
  return (text, isFirst) =>
    steps.reduce<Iterable<string>>((words, step) => cutEach(words, step, text, isFirst), [text]);
}

function* cutEach(
  words: Iterable<string>,
  step: PreTokenizer,
  text: string,
  isFirst: boolean,
): Iterable<string> {
  let mayBeFirst = isFirst;
  for (const word of words) {
    yield* step(word, mayBeFirst && text.startsWith(word));
    mayBeFirst = false;
  }
}

function* spellEach(words: Iterable<string>): Iterable<string> {
  for (const word of words) yield spellBytes(word);
}

function cut(pattern: RegExp, behavior: Behavior, inverted = false): PreTokenizer {
  return (text) => splitText(text, pattern, behavior, inverted);
}

function buildSplit(record: JsonRecord, where: string): PreTokenizer {
  const pattern = compilePattern(record.pattern, `${where}.pattern`);
  return cut(pattern, toBehavior(record.behavior, where), record.invert === true);
}

function buildCharDelimiter(record: JsonRecord, where: string): PreTokenizer {
  const delimiter = expectCharacter(record.delimiter, `${where}.delimiter`);
  return cut(compilePattern({ String: delimiter }, where), "Removed");
}

function buildFixedLength(record: JsonRecord, where: string): PreTokenizer {
  const { length } = record;
  if (typeof length !== "number" || !Number.isSafeInteger(length) || length < 1 || length > 2 ** 20)
    throw badTokenizer(`${where}.length`, "a whole number of at least 1", length);
  return cut(new RegExp(`[\\s\\S]{1,${length}}`, "gu"), "Isolated");
}

/** GPT-2's words, then each byte as a printable character. */
function buildByteLevel(record: JsonRecord): PreTokenizer {
  const words = record.use_regex === false ? undefined : compilePattern({ Regex: gpt2Words }, "ByteLevel");
  return (text) => {
    const spaced = record.add_prefix_space === true && !text.startsWith(" ") ? ` ${text}` : text;
    return spellEach(words ? splitText(spaced, words, "Isolated", false) : [spaced]);
  };
}

/** Spaces become the mark, and a word goes from one to the next. */
function buildMetaspace(record: JsonRecord, where: string): PreTokenizer {
  const mark = expectCharacter(record.replacement ?? "▁", `${where}.replacement`);
  const scheme = record.prepend_scheme ?? (record.add_prefix_space === false ? "never" : "always");
  if (scheme !== "always" && scheme !== "first" && scheme !== "never")
    throw badTokenizer(`${where}.prepend_scheme`, "always, first or never", scheme);
  const marks = compilePattern({ String: mark }, where);
  return (text, isFirst) => {
    const written = text.replaceAll(" ", () => mark);
    const prepends = scheme === "always" || (scheme === "first" && isFirst);
    const marked = prepends && !written.startsWith(mark) ? mark + written : written;
    return record.split === false ? [marked] : splitText(marked, marks, "MergedWithNext", false);
  };
}
