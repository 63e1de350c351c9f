import { FilesError } from "../../errors.js";
import { spellBytes } from "../decode/piece-bytes.js";
import { badTokenizer, expectArray, expectRecord, expectString, type JsonRecord } from "../expect-json.js";
import { compilePattern } from "./patterns.js";

/** Changes a text before it is cut into words. @throws FilesError `bad-tokenizer` where it grows out of bounds */
export type Normalizer = (text: string) => string;

/** The same with the most characters that may come of it. */
type Step = (text: string, most: number) => string;

/** Sequences within sequences. */
export const deepestNesting = 16;

const builders: Readonly<Record<string, (record: JsonRecord, where: string) => Step>> = {
  ByteLevel: () => spellBytes,
  NFC: () => (text) => text.normalize("NFC"),
  NFD: () => (text) => text.normalize("NFD"),
  NFKC: () => (text) => text.normalize("NFKC"),
  NFKD: () => (text) => text.normalize("NFKD"),
  // Each character alone: no final sigma.
  Lowercase: () => (text) => Array.from(text, (character) => character.toLowerCase()).join(""),
  StripAccents: () => (text) => text.replace(/\p{M}/gu, ""),
  Strip: buildStrip,
  Prepend: buildPrepend,
  Replace: buildReplace,
};

/** The normalizer that a tokenizer.json describes; none for null. @throws FilesError `bad-tokenizer` */
export function buildNormalizer(value: unknown): Normalizer | undefined {
  const step = buildStep(value, "normalizer", 0);
  return step && ((text) => step(text, mostCharacters(text)));
}

function buildStep(value: unknown, where: string, depth: number): Step | undefined {
  if (value === null || value === undefined) return undefined;
  if (depth > deepestNesting) throw badTokenizer(where, `at most ${deepestNesting} nested sequences`, "more");
  const record = expectRecord(value, where);
  const type = expectString(record.type, `${where}.type`);
  if (type === "Sequence") return buildSequence(record, where, depth);
  const build = Object.hasOwn(builders, type) ? builders[type] : undefined;
  if (!build)
    throw badTokenizer(`${where}.type`, `one of Sequence, ${Object.keys(builders).join(", ")}`, type);
  return bounded(build(record, where), where);
}

function buildSequence(record: JsonRecord, where: string, depth: number): Step {
  const parts = expectArray(record.normalizers, `${where}.normalizers`);
  const steps = parts.flatMap((part, i) => buildStep(part, `${where}[${i}]`, depth + 1) ?? []);
  return (text, most) => steps.reduce((changed, step) => step(changed, most), text);
}

/** White space as Unicode has it, which is not JavaScript's; in one go, where a pattern would try every run. */
function buildStrip(record: JsonRecord): Step {
  return (text) => {
    let [start, end] = [0, text.length];
    while (record.strip_left === true && start < end && space.test(text[start]!)) start++;
    while (record.strip_right === true && end > start && space.test(text[end - 1]!)) end--;
    return text.slice(start, end);
  };
}

const space = /\p{White_Space}/u;

function buildPrepend(record: JsonRecord, where: string): Step {
  const prefix = expectString(record.prepend, `${where}.prepend`);
  return (text) => (text === "" ? "" : prefix + text);
}

/** The content stands as it is written: no `$1`. */
function buildReplace(record: JsonRecord, where: string): Step {
  const pattern = compilePattern(record.pattern, `${where}.pattern`);
  const content = expectString(record.content, `${where}.content`);
  return (text, most) => {
    let changed = "";
    let end = 0;
    for (const { 0: found, index } of text.matchAll(pattern)) {
      changed += text.slice(end, index) + content;
      end = index + found.length;
      if (changed.length > most) throw outgrown(where, most);
    }
    return changed + text.slice(end);
  };
}

function bounded(normalize: Step, where: string): Step {
  return (text, most) => {
    const changed = normalize(text, most);
    if (changed.length > most) throw outgrown(where, most);
    return changed;
  };
}

/** NFKD makes 18 characters of one at most; no tokenizer has a reason for more. */
function mostCharacters(text: string): number {
  return 32 * text.length + 1024;
}

function outgrown(where: string, most: number): FilesError {
  return new FilesError(
    "bad-tokenizer",
    `tokenizer.json: the ${where} makes more than ${most} characters of a text, 32 times what it was given and 1024: ` +
      "stopped. No tokenizer needs that; the file is damaged or made to do harm.",
  );
}
