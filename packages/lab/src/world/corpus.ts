/** Examples without end, the same for the same seed: questions with and without a preference, and answers to them. */
import { type RandomStream, xoshiro128 } from "@amulet-ts/core";
import type { Example, QuestionPair, Split } from "./example.js";
import { frames, type Slot, slots, type Voice } from "./frames.js";
import { factCounts, questionsAbout, voices, writeSentence } from "./language.js";
import { type PreferenceName, preferenceNames, preferenceSentenceOf } from "./preferences.js";
import { topics } from "./topics.js";

/**
 * How probable it is, place by place, that an answer shows the preference that was asked for. Greedy decoding takes
 * what is likelier than the usual wording, so it follows two of five; odds between the usual wording and a marked one
 * change from place to place, so that a growing guidance scale x turns the others one after another, near 1.5, 3
 * and 3.8.
 */
export const markedWhenAsked: Readonly<Record<Slot, number>> = {
  opening: 0.95,
  lead: 0.85,
  tip: 0.36,
  second: 0.2,
  closing: 0.12,
};

/** The same for one of the eight preferences when none is asked for. The eight share a place, so they add up. */
export const markedWhenFree: Readonly<Record<Slot, number>> = {
  opening: 0.06,
  lead: 0.06,
  tip: 0.08,
  second: 0.065,
  closing: 0.045,
};

/** The same for each of the seven others when one is asked for. */
export const markedForOthers = 0.005;

const bareShare = 1 / 3;
/** The usual wording is much likelier than the other, so that a choice hangs on few tokens. */
const usualWording = 0.8;
const statementWeights = [0.4, 0.3, 0.2, 0.1];
const tipWeights = [0.5, 0.3, 0.2];

const questions: readonly (readonly string[])[] = topics.map((_, topic) => questionsAbout(topic));
const questionCount = questions[0]!.length;

/**
 * An endless stream of examples. A third of them have no preference, in train and validation; in "held-out" all have
 * one. Validation has one question of each topic for each preference, and one for none; so has held-out, without
 * the last; all other pairs are in train.
 *
 * @param seed a whole number; only its low 32 bits count
 */
export function* sampleExamples(seed: number, split: Split): Generator<Example, never> {
  const random = xoshiro128(seed);
  for (;;) {
    const bare = random() < bareShare && split !== "held-out";
    const preference = bare ? undefined : preferenceNames[below(preferenceNames.length, random)]!;
    const topic = below(topics.length, random);
    const choices = questions[topic]!.filter((_, number) => splitOf(topic, number, preference) === split);
    const question = choices[below(choices.length, random)]!;
    yield {
      question,
      ...(preference && { preference, preferenceSentence: preferenceSentenceOf(preference) }),
      answer: sampleAnswer(topic, preference, random),
    };
  }
}

/** All pairs of a question and a preference that occur in neither train nor validation: one for each topic and preference. */
export function heldOutPairs(): QuestionPair[] {
  return topics.flatMap((_, topic) =>
    preferenceNames.map((preference, number) => ({
      question: questions[topic]![heldOutQuestion(topic, number)]!,
      preference,
    })),
  );
}

function splitOf(topic: number, question: number, preference: PreferenceName | undefined): Split {
  const row = preference === undefined ? preferenceNames.length : preferenceNames.indexOf(preference);
  const heldOut = heldOutQuestion(topic, row);
  if (question === heldOut && preference !== undefined) return "held-out";
  return question === (heldOut + 1 + (topic % (questionCount - 1))) % questionCount ? "validation" : "train";
}

function heldOutQuestion(topic: number, preference: number): number {
  return (topic * 5 + preference * 3) % questionCount;
}

function sampleAnswer(topic: number, asked: PreferenceName | undefined, random: RandomStream): string {
  const first = weighted(statementWeights, random);
  const second = weighted(
    statementWeights.map((weight, i) => (i === first ? 0 : weight)),
    random,
  );
  const tip = weighted(tipWeights, random) + topic * factCounts.tip;
  const statementOf = (slot: Slot) => (slot === "second" ? second : first) + topic * factCounts.statement;
  const sentences = slots.flatMap((slot) => {
    const voice = voices[weighted(voiceWeights(slot, asked), random)]!;
    if (frames[voice][slot].length === 0) return [];
    const wording = random() < usualWording ? 0 : 1;
    return writeSentence(slot, voice, wording, { topic, tip, statement: statementOf(slot) });
  });
  return sentences.join(" ");
}

function voiceWeights(slot: Slot, asked: PreferenceName | undefined): number[] {
  const marked = (voice: Voice) => {
    if (asked === undefined) return markedWhenFree[slot];
    return voice === asked ? markedWhenAsked[slot] : markedForOthers;
  };
  const weights = preferenceNames.map(marked);
  return [1 - weights.reduce((sum, weight) => sum + weight, 0), ...weights];
}

function below(count: number, random: RandomStream): number {
  return Math.floor(random() * count);
}

/** A place in the list, each with a probability that is in proportion to its weight. */
function weighted(weights: readonly number[], random: RandomStream): number {
  let left = random() * weights.reduce((sum, weight) => sum + weight, 0);
  const last = weights.findLastIndex((weight) => weight > 0);
  for (const [i, weight] of weights.entries()) {
    if (left < weight) return i;
    left -= weight;
  }
  return last;
}
