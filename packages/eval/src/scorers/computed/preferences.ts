/**
 * Preferences that can be checked without a judge. Each says what it asks for, and defines how far a text does it,
 * from 0 to 1. An empty text does nothing. Word lists are English.
 */
import { languageShare } from "./languages.js";
import { linesOf, readingGrade, scale, sentencesOf, shareOf, wordsOf } from "./text-parts.js";

export interface ComputedPreference {
  /** What stands behind the question. */
  readonly text: string;
  /** The score in words. */
  readonly definition: string;
  /** Of a text that has a word. */
  score(text: string): number;
}

const listItem = /^(?:[-*•–+]|\d{1,2}[.)])\s+\S/;
const firstPerson = /^(?:i|me|my|mine|myself|i['’](?:m|d|ve|ll))$/i;
const secondPerson = /^(?:you|your|yours|yourself|you['’](?:re|d|ve|ll))$/i;
const contraction =
  /^(?:\w+n['’]t|\w+['’](?:re|ve|ll|m|d)|(?:it|that|there|here|what|who|where|how|he|she|let)['’]s)$/i;
const slang =
  /^(?:gonna|wanna|gotta|kinda|sorta|yeah|yep|nope|hey|hi|ok|okay|cool|awesome|stuff|guys|super|lots|wow|oh|haha|lol)$/i;
const hedge =
  /\b(?:may|might|could|perhaps|maybe|possibly|probably|likely|seems?|appears?|generally|often|usually|sometimes|i think|i believe|in general|tends? to)\b/i;
const encouragement =
  /\b(?:you can|you['’]ve got|you will|great|wonderful|amazing|enjoy|joy|happy|hope|love|beautiful|success|confident|proud|inspir\w+|exciting|best|delight\w*|celebrat\w+|fantastic|keep going|believe in|brighten\w*|worth it)\b/i;
const connective =
  /\b(?:however|therefore|moreover|furthermore|consequently|nevertheless|thus|hence|in addition|in contrast|for example|for instance|as a result|firstly|secondly|finally)\b/i;
const emoji = /\p{Extended_Pictographic}/u;

const isInformal = (word: string) => contraction.test(word) || slang.test(word);
const hasInformal = (sentence: string) => sentence.endsWith("!") || wordsOf(sentence).some(isInformal);
const meanSentence = (text: string) => wordsOf(text).length / sentencesOf(text).length;

export const computedPreferences = {
  concise: {
    text: "Your answer should be concise.",
    definition: "1 up to 20 words, 0 from 100 words on, straight in between",
    score: (text) => scale(wordsOf(text).length, 100, 20),
  },
  verbose: {
    text: "Your answer should be verbose.",
    definition: "0 up to 20 words, 1 from 100 words on, straight in between",
    score: (text) => scale(wordsOf(text).length, 20, 100),
  },
  "short-sentences": {
    text: "Use very short sentences.",
    definition: "1 up to 6 words a sentence on average, 0 from 24 on",
    score: (text) => scale(meanSentence(text), 24, 6),
  },
  simple: {
    text: "Use simple words that a young child understands.",
    definition: "1 up to Flesch–Kincaid grade 3, 0 from grade 13 on",
    score: (text) => scale(readingGrade(text), 13, 3),
  },
  complex: {
    text: "Your answer should be complex.",
    definition: "0 up to Flesch–Kincaid grade 5, 1 from grade 17 on",
    score: (text) => scale(readingGrade(text), 5, 17),
  },
  formal: {
    text: "Your answer should be formal.",
    definition: "share of the sentences without contraction, slang word or exclamation mark",
    score: (text) => shareOf(sentencesOf(text), (sentence) => !hasInformal(sentence)),
  },
  informal: {
    text: "Answer in a casual, informal tone, as to a friend.",
    definition: "share of the sentences with a contraction, a slang word or an exclamation mark",
    score: (text) => shareOf(sentencesOf(text), hasInformal),
  },
  bullets: {
    text: "Answer with a bulleted list.",
    definition: "share of the lines that begin with a bullet or a number; 0 for fewer than two such lines",
    score: (text) => {
      const lines = linesOf(text);
      const items = lines.filter((line) => listItem.test(line)).length;
      return items < 2 ? 0 : items / lines.length;
    },
  },
  prose: {
    text: "Answer in one paragraph, without lists.",
    definition: "1 for a single line that is no list item, else 0",
    score: (text) => Number(linesOf(text).length === 1 && !listItem.test(text.trim())),
  },
  questions: {
    text: "Ask me questions in return.",
    definition: "sentences that end with a question mark: 0.5 for one, 1 for two or more",
    score: (text) => Math.min(1, sentencesOf(text).filter((sentence) => /\?\W*$/.test(sentence)).length / 2),
  },
  enthusiastic: {
    text: "Answer with enthusiasm and exclamation marks!",
    definition: "share of the sentences that end with an exclamation mark",
    score: (text) => shareOf(sentencesOf(text), (sentence) => /!\W*$/.test(sentence)),
  },
  uplifting: {
    text: "Your answer should be uplifting.",
    definition: "share of the sentences with an exclamation mark or a word of a list of encouraging ones",
    score: (text) =>
      shareOf(sentencesOf(text), (sentence) => sentence.includes("!") || encouragement.test(sentence)),
  },
  "first-person": {
    text: "Answer from your own point of view, in the first person.",
    definition: "share of the sentences with I, me, my, mine or myself",
    score: (text) => shareOf(sentencesOf(text), (one) => wordsOf(one).some((word) => firstPerson.test(word))),
  },
  "second-person": {
    text: "Address me directly as you.",
    definition: "share of the sentences with you, your, yours or yourself",
    score: (text) =>
      shareOf(sentencesOf(text), (one) => wordsOf(one).some((word) => secondPerson.test(word))),
  },
  cautious: {
    text: "Be careful not to sound certain.",
    definition: "share of the sentences with a hedging word",
    score: (text) => shareOf(sentencesOf(text), (sentence) => hedge.test(sentence)),
  },
  connected: {
    text: "Connect your sentences with words such as however, therefore and moreover.",
    definition: "share of the sentences with a connective; half of them are enough for 1",
    score: (text) => Math.min(1, 2 * shareOf(sentencesOf(text), (sentence) => connective.test(sentence))),
  },
  numbers: {
    text: "Use numbers and figures.",
    definition: "share of the sentences with a digit, list numbers not counted",
    score: (text) =>
      shareOf(sentencesOf(text), (sentence) => /\d/.test(sentence.replace(/^\d{1,2}[.)]\s*/, ""))),
  },
  emoji: {
    text: "Use emoji.",
    definition: "share of the sentences with an emoji; a third of them is enough for 1",
    score: (text) => Math.min(1, 3 * shareOf(sentencesOf(text), (sentence) => emoji.test(sentence))),
  },
  shouting: {
    text: "WRITE EVERYTHING IN CAPITAL LETTERS.",
    definition: "share of the letters that have case and are capitals",
    score: (text) => shareOf(text.match(/[\p{Lu}\p{Ll}]/gu) ?? [], (letter) => /\p{Lu}/u.test(letter)),
  },
  german: {
    text: "Answer in German.",
    definition: "German function words among all function words of five languages",
    score: (text) => languageShare(text, "german"),
  },
  french: {
    text: "Answer in French.",
    definition: "French function words among all function words of five languages",
    score: (text) => languageShare(text, "french"),
  },
  spanish: {
    text: "Answer in Spanish.",
    definition: "Spanish function words among all function words of five languages",
    score: (text) => languageShare(text, "spanish"),
  },
} as const satisfies Record<string, ComputedPreference>;

export type ComputedPreferenceName = keyof typeof computedPreferences;

export function isComputedPreference(name: string): name is ComputedPreferenceName {
  return Object.hasOwn(computedPreferences, name);
}

/** How far a text does what a preference asks for, 0 to 1. */
export function scorePreference(text: string, name: ComputedPreferenceName): number {
  return wordsOf(text).length === 0 ? 0 : computedPreferences[name].score(text);
}
