/**
 * The 25 verifiable instructions of IFEval (Zhou et al. 2023, arXiv 2311.07911, table 1), by the ids and parameters that
 * its data set has. Where the paper's sentence leaves something open, what its published checker does is the definition.
 */
import * as v from "valibot";
import { type IfevalLanguage, ifevalLanguages, isInLanguage } from "./language.js";
import {
  countCapitalWords,
  countOccurrences,
  countSentences,
  countWords,
  hasWord,
  isLowerCase,
  isUpperCase,
  literal,
  partsBetween,
} from "./text-rules.js";

interface InstructionKind<Parameters extends v.ObjectEntries> {
  /** What is held to it, in words. */
  readonly definition: string;
  readonly parameters: Parameters;
  /** Of a text that is not blank. */
  follows(text: string, parameters: v.InferOutput<v.ObjectSchema<Parameters, undefined>>): boolean;
}

const define = <Parameters extends v.ObjectEntries>(kind: InstructionKind<Parameters>) => kind;

const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const phrase = v.pipe(v.string(), v.trim(), v.nonEmpty());
const phrases = v.pipe(v.array(phrase), v.minLength(1));
const relation = v.picklist(["less than", "at least"]);

function holds(found: number, how: v.InferOutput<typeof relation>, asked: number): boolean {
  return how === "less than" ? found < asked : found >= asked;
}

export const ifevalInstructions = {
  "keywords:existence": define({
    definition: "each keyword comes up, whatever its case, in a longer word too",
    parameters: { keywords: phrases },
    follows: (text, { keywords }) => keywords.every((keyword) => countOccurrences(text, keyword) > 0),
  }),
  "keywords:frequency": define({
    definition: "the keyword comes up so often, whatever its case, longer words included",
    parameters: { keyword: phrase, frequency: count, relation },
    follows: (text, { keyword, frequency, relation: how }) =>
      holds(countOccurrences(text, keyword), how, frequency),
  }),
  "keywords:forbidden_words": define({
    definition: "none of the words comes up as a word of its own, whatever its case",
    parameters: { forbidden_words: phrases },
    follows: (text, { forbidden_words: words }) => !words.some((word) => hasWord(text, word)),
  }),
  "keywords:letter_frequency": define({
    definition: "the letter comes up so often, whatever its case",
    parameters: { letter: phrase, let_frequency: count, let_relation: relation },
    follows: (text, { letter, let_frequency: frequency, let_relation: how }) =>
      holds(countOccurrences(text, letter), how, frequency),
  }),
  "language:response_language": define({
    definition: "its trigrams are nearer to the language than to the other 29 of IFEval",
    parameters: { language: v.picklist(ifevalLanguages) },
    follows: (text, { language }) => isInLanguage(text, language as IfevalLanguage),
  }),
  "length_constraints:number_sentences": define({
    definition: "so many sentences, by their punctuation",
    parameters: { num_sentences: count, relation },
    follows: (text, { num_sentences: asked, relation: how }) => holds(countSentences(text), how, asked),
  }),
  "length_constraints:number_paragraphs": define({
    definition: "exactly so many parts between ***, none of them blank",
    parameters: { num_paragraphs: count },
    follows: (text, { num_paragraphs: asked }) => partsBetween(text, /\s?\*\*\*\s?/)?.length === asked,
  }),
  "length_constraints:number_words": define({
    definition: "so many runs of letters and digits",
    parameters: { num_words: count, relation },
    follows: (text, { num_words: asked, relation: how }) => holds(countWords(text), how, asked),
  }),
  "length_constraints:nth_paragraph_first_word": define({
    definition:
      "exactly so many parts between empty lines, and the N-th begins with the word, whatever its case, up to a punctuation mark",
    parameters: { num_paragraphs: count, nth_paragraph: v.pipe(count, v.minValue(1)), first_word: phrase },
    follows: (text, { num_paragraphs: asked, nth_paragraph: n, first_word: word }) => {
      const paragraphs = text.split("\n\n").map((paragraph) => paragraph.trim());
      const filled = paragraphs.filter((paragraph) => paragraph !== "").length;
      const found = /^'*"*([^\s.,?!'"]*)/.exec(paragraphs[n - 1] ?? "")?.[1];
      return filled === asked && n <= filled && found?.toLowerCase() === word.toLowerCase();
    },
  }),
  "detectable_content:number_placeholders": define({
    definition: "at least so many texts in square brackets",
    parameters: { num_placeholders: count },
    follows: (text, { num_placeholders: asked }) => (text.match(/\[.*?\]/g) ?? []).length >= asked,
  }),
  "detectable_content:postscript": define({
    definition: "the marker comes up, whatever its case; in P.S. and P.P.S a space may follow a full stop",
    parameters: { postscript_marker: phrase },
    follows: (text, { postscript_marker: marker }) => postscript(marker).test(text),
  }),
  "detectable_format:number_bullet_lists": define({
    definition: "exactly so many lines that begin with * (and no second one) or with -",
    parameters: { num_bullets: count },
    follows: (text, { num_bullets: asked }) =>
      [/^\s*\*[^*].*$/gm, /^\s*-.*$/gm].reduce((sum, item) => sum + (text.match(item) ?? []).length, 0) ===
      asked,
  }),
  "detectable_format:constrained_response": define({
    definition: "has one of: My answer is yes. My answer is no. My answer is maybe.",
    parameters: {},
    follows: (text) => /My answer is (?:yes|no|maybe)\./.test(text),
  }),
  "detectable_format:number_highlighted_sections": define({
    definition: "at least so many texts in a line between single or double asterisks, not blank",
    parameters: { num_highlights: count },
    follows: (text, { num_highlights: asked }) => {
      const single = (text.match(/\*[^\n*]*\*/g) ?? []).map((found) => found.slice(1, -1));
      const double = (text.match(/\*\*[^\n*]*\*\*/g) ?? []).map((found) => found.slice(2, -2));
      return [...single, ...double].filter((found) => found.trim() !== "").length >= asked;
    },
  }),
  "detectable_format:multiple_sections": define({
    definition: "the section's word with a number behind it, at least so often",
    parameters: { section_spliter: phrase, num_sections: count },
    follows: (text, { section_spliter: word, num_sections: asked }) =>
      (text.match(new RegExp(`${literal(word)}\\s?\\p{Nd}+`, "gu")) ?? []).length >= asked,
  }),
  "detectable_format:json_format": define({
    definition: "JSON, with or without a Markdown fence round it",
    parameters: {},
    follows: (text) =>
      isJson(
        text
          .trim()
          .replace(/^```(?:json|Json|JSON)?/, "")
          .replace(/```$/, ""),
      ),
  }),
  "detectable_format:title": define({
    definition: "a text in double angular brackets, not blank, in one line",
    parameters: {},
    follows: (text) =>
      (text.match(/<<[^\n]+>>/g) ?? []).some((found) => found.replace(/^<+|>+$/g, "").trim() !== ""),
  }),
  "combination:two_responses": define({
    definition: "two different parts between ******",
    parameters: {},
    follows: (text) => {
      const parts = partsBetween(text, "******") ?? [];
      return parts.length === 2 && parts[0]!.trim() !== parts[1]!.trim();
    },
  }),
  "combination:repeat_prompt": define({
    definition: "begins with the request, whatever the case",
    parameters: { prompt_to_repeat: phrase },
    follows: (text, { prompt_to_repeat: request }) =>
      text.trim().toLowerCase().startsWith(request.toLowerCase()),
  }),
  "startend:end_checker": define({
    definition: "ends with the phrase, whatever the case, quotation marks round the whole left out",
    parameters: { end_phrase: phrase },
    follows: (text, { end_phrase: end }) =>
      text
        .trim()
        .replace(/^"+|"+$/g, "")
        .toLowerCase()
        .endsWith(end.toLowerCase()),
  }),
  "startend:quotation": define({
    definition: "begins and ends with a double quotation mark",
    parameters: {},
    follows: (text) => /^".*"$/s.test(text.trim()),
  }),
  "change_case:capital_word_frequency": define({
    definition: "so many words without a small letter; hyphenated words are one",
    parameters: { capital_frequency: count, capital_relation: relation },
    follows: (text, { capital_frequency: asked, capital_relation: how }) =>
      holds(countCapitalWords(text), how, asked),
  }),
  "change_case:english_capital": define({
    definition: "capital letters alone, in English",
    parameters: {},
    follows: (text) => isUpperCase(text) && isInLanguage(text, "en"),
  }),
  "change_case:english_lowercase": define({
    definition: "small letters alone, in English",
    parameters: {},
    follows: (text) => isLowerCase(text) && isInLanguage(text, "en"),
  }),
  "punctuation:no_comma": define({
    definition: "no comma",
    parameters: {},
    follows: (text) => !text.includes(","),
  }),
};

export type IfevalId = keyof typeof ifevalInstructions;

function postscript(marker: string): RegExp {
  if (marker === "P.P.S") return /p\.\s?p\.\s?s/i;
  return marker === "P.S." ? /p\.\s?s\./i : new RegExp(literal(marker), "iu");
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
