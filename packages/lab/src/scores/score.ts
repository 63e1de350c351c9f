/** Scores of an answer, computed from the grammar alone. All lie between 0 and 1. */
import { LabError } from "../errors.js";
import { frames, slots } from "../world/frames.js";
import { type ReadSentence, readSentence, topicOfQuestion } from "../world/language.js";
import { type PreferenceName, preferenceNames } from "../world/preferences.js";
import { splitSentences } from "./sentences.js";

export interface Score {
  readonly grammaticality: number;
  readonly relevance: number;
  /** How far the answer shows the preference that was named; only there if one was. */
  readonly preference?: number;
  /** How far it shows each of the eight. */
  readonly preferences: Readonly<Record<PreferenceName, number>>;
}

/** Share of the sentences that the grammar accepts; an unfinished one is not accepted. An empty text has 0. */
export function grammaticality(text: string): number {
  return acceptedShare(read(text));
}

/**
 * Share of the stated facts that belong to the topic of the question; 0 if none is stated.
 *
 * @throws LabError `unknown-question`
 */
export function relevance(text: string, question: string): number {
  return relevantShare(read(text), question);
}

/**
 * Share of the five places of an answer that show the preference. A place does if an accepted sentence of the text
 * stands there in the wording of the preference. Where the preference leaves a place empty (concise: the second
 * statement and the closing), it does if no sentence stands there; that counts only in a text that states a fact and
 * has no sentence that the grammar rejects, since a broken text is not a short one.
 */
export function preferenceStrength(text: string, preference: PreferenceName): number {
  return strengthOf(read(text), preference);
}

/**
 * All scores of an answer.
 *
 * @throws LabError `unknown-question`
 */
export function score(text: string, question: string, preference: PreferenceName): Required<Score>;
export function score(text: string, question: string, preference?: PreferenceName): Score;
export function score(text: string, question: string, preference?: PreferenceName): Score {
  const sentences = read(text);
  const preferences = Object.fromEntries(
    preferenceNames.map((name) => [name, strengthOf(sentences, name)]),
  ) as Record<PreferenceName, number>;
  return {
    grammaticality: acceptedShare(sentences),
    relevance: relevantShare(sentences, question),
    preferences,
    ...(preference && { preference: preferences[preference] }),
  };
}

type Sentences = readonly (ReadSentence | undefined)[];

function read(text: string): Sentences {
  return splitSentences(text).map(readSentence);
}

function acceptedShare(sentences: Sentences): number {
  return share(sentences, (sentence) => sentence !== undefined);
}

function relevantShare(sentences: Sentences, question: string): number {
  const topic = topicOfQuestion(question);
  if (topic === undefined) throw unknownQuestion(question);
  const facts = sentences.flatMap((sentence) => sentence?.factTopic ?? []);
  return share(facts, (fact) => fact === topic);
}

function strengthOf(sentences: Sentences, preference: PreferenceName): number {
  const whole = sentences.every((sentence) => sentence !== undefined);
  const statesFact = sentences.some((sentence) => sentence?.factTopic !== undefined);
  return share(slots, (slot) => {
    const here = sentences.filter((sentence) => sentence?.slot === slot);
    if (frames[preference][slot].length === 0) return whole && statesFact && here.length === 0;
    return here.some((sentence) => sentence?.voice === preference);
  });
}

function share<T>(items: readonly T[], holds: (item: T) => boolean): number {
  return items.length === 0 ? 0 : items.filter(holds).length / items.length;
}

function unknownQuestion(question: string): LabError {
  return new LabError(
    "unknown-question",
    `Relevance needs a question of the lab's world, such as "What helps with tea?", and got ${JSON.stringify(question)}: take one of heldOutPairs() or sampleExamples().`,
  );
}
