/** Any answer to any question, judged as far as the world goes: for people who want to see why a score is what it is. */
import { type ReadSentence, readSentence, topicOfQuestion } from "../world/language.js";
import { type PreferenceName, preferenceNames, preferenceOfSentence } from "../world/preferences.js";
import { grammaticality, preferenceStrength, relevance } from "./score.js";
import { splitSentences } from "./sentences.js";

export interface Judgement {
  readonly grammaticality: number;
  /** Absent where the question is none of this world. */
  readonly relevance?: number;
  /** Absent where no preference was stated, or none of the eight. */
  readonly preference?: { readonly name: PreferenceName; readonly strength: number };
  readonly sentences: readonly JudgedSentence[];
}

/** A sentence of the answer; without a reading, the grammar rejects it. */
export interface JudgedSentence {
  readonly text: string;
  readonly reading?: ReadSentence;
}

/** @param preference a name, `concise`, or the sentence that states it, `Your answer should be concise.` */
export function judgeAnswer(text: string, question: string, preference?: string): Judgement {
  const name = preference === undefined ? undefined : preferenceNamed(preference);
  return {
    grammaticality: grammaticality(text),
    ...(isKnownQuestion(question) && { relevance: relevance(text, question) }),
    ...(name && { preference: { name, strength: preferenceStrength(text, name) } }),
    sentences: splitSentences(text).map((sentence) => {
      const reading = readSentence(sentence);
      return { text: sentence, ...(reading && { reading }) };
    }),
  };
}

export function isKnownQuestion(question: string): boolean {
  return topicOfQuestion(question) !== undefined;
}

/** The preference of this name, or that this sentence states; undefined for any other text. */
export function preferenceNamed(text: string): PreferenceName | undefined {
  return preferenceNames.find((name) => name === text) ?? preferenceOfSentence(text);
}
