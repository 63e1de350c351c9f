import { expect, test } from "vitest";
import {
  heldOutPairs,
  type PreferenceName,
  preferenceNames,
  preferenceSentenceOf,
  sampleExamples,
  score,
} from "../src/index.js";
import { markedForOthers, markedWhenAsked, markedWhenFree } from "../src/world/corpus.js";
import type { Example, Split } from "../src/world/example.js";
import { questionsAbout, topicOfQuestion } from "../src/world/language.js";
import { topics } from "../src/world/topics.js";

function take(count: number, seed: number, split: Split): Example[] {
  const examples = sampleExamples(seed, split);
  return Array.from({ length: count }, () => examples.next().value);
}

const keyOf = (question: string, preference: PreferenceName | undefined) =>
  `${preference ?? "none"}: ${question}`;
const keysOf = (examples: readonly Example[]) =>
  new Set(examples.map(({ question, preference }) => keyOf(question, preference)));

const common = (a: Set<string>, b: Set<string>) => [...a].filter((key) => b.has(key));

const train = take(60_000, 1, "train");

test("a seed means the same examples, another seed others", () => {
  for (const split of ["train", "validation", "held-out"] as const) {
    expect(take(300, 5, split)).toEqual(take(300, 5, split));
    expect(take(300, 5, split)).not.toEqual(take(300, 6, split));
  }
});

test("the first example of seed 0 is fixed: a corpus means the same text for ever", () => {
  expect(take(1, 0, "train")[0]).toMatchInlineSnapshot(`
    {
      "answer": "There is a good deal to say about tea, so let us go through it step by step. Usually, green tea needs cooler water than black tea. You can warm the pot before you pour the tea. Also, loose tea keeps its taste in a dark tin. Those are the main points about tea.",
      "preference": "verbose",
      "preferenceSentence": "Your answer should be verbose.",
      "question": "Where do I begin with tea?",
    }
  `);
});

test("held-out pairs name every topic with all eight preferences, and more than four hundred of them", () => {
  const pairs = heldOutPairs();
  expect(pairs.length).toBeGreaterThanOrEqual(400);
  const kinds = new Set(
    pairs.map(({ question, preference }) => keyOf(String(topicOfQuestion(question)), preference)),
  );
  expect(kinds.size).toBe(topics.length * preferenceNames.length);
  expect(pairs.length).toBe(kinds.size);
  // Nor is it always the same question of a topic: eight preferences, eight questions.
  expect(new Set(pairs.map(({ question }) => question)).size).toBe(pairs.length);
});

test("no pair of one split is in another; train has all other pairs; held-out examples have held-out pairs", () => {
  const heldOut = new Set(heldOutPairs().map(({ question, preference }) => keyOf(question, preference)));
  // Each pair comes 17 times on average, so that a missing one would be no accident: 5,000·e^−17 < 0.001.
  const seen = {
    train: keysOf(take(120_000, 4, "train")),
    validation: keysOf(take(20_000, 2, "validation")),
  };
  expect(common(seen.train, seen.validation)).toEqual([]);
  expect(common(heldOut, new Set([...seen.train, ...seen.validation]))).toEqual([]);
  expect(keysOf(take(20_000, 3, "held-out"))).toEqual(heldOut);
  const all = topics.length * questionsAbout(0).length * (preferenceNames.length + 1);
  expect(seen.train.size + seen.validation.size + heldOut.size).toBe(all);
});

test("a question that is held out with a preference is still asked without", () => {
  const bare = new Set(train.filter(({ preference }) => !preference).map(({ question }) => question));
  const questions = new Set(heldOutPairs().map(({ question }) => question));
  // Validation keeps one bare question of each topic for itself.
  expect(questions.size - common(questions, bare).length).toBeLessThanOrEqual(topics.length);
});

test("a third of the examples has no preference; the sentence is there exactly with the preference", () => {
  const bare = train.filter(({ preference }) => preference === undefined);
  // Five standard deviations of a share of 60,000 draws: 5·√(2/9/60000) = 0.0097.
  expect(Math.abs(bare.length / train.length - 1 / 3)).toBeLessThan(0.0097);
  for (const { preference, preferenceSentence } of train) {
    expect(preferenceSentence).toBe(preference && preferenceSentenceOf(preference));
  }
});

test("every answer is grammatical and on topic, of three to five sentences and at most 110 words", () => {
  for (const { question, answer } of train.slice(0, 3000)) {
    expect(score(answer, question)).toMatchObject({ grammaticality: 1, relevance: 1 });
    expect(answer.match(/[.!](?= |$)/g)!.length).toBeGreaterThanOrEqual(3);
    expect(answer.match(/[.!](?= |$)/g)!.length).toBeLessThanOrEqual(5);
    expect(answer.split(" ").length).toBeLessThanOrEqual(110);
  }
});

test("a typical answer has at most 70 words", () => {
  const lengths = train.map(({ answer }) => answer.split(" ").length).sort((a, b) => a - b);
  expect(lengths[Math.floor(lengths.length * 0.95)]!).toBeLessThanOrEqual(70);
});

const meanOf = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

test("mean strength is 0.496 for the preference asked for, 0.062 where none is, 0.005 for the others", () => {
  expect(meanOf(Object.values(markedWhenAsked))).toBeCloseTo(0.496, 12);
  expect(meanOf(Object.values(markedWhenFree))).toBeCloseTo(0.062, 12);
  const scored = train.slice(0, 24_000).map((example) => {
    return { asked: example.preference, ...score(example.answer, example.question) };
  });
  for (const name of preferenceNames) {
    const strengths = (chosen: (asked: PreferenceName | undefined) => boolean) =>
      scored.filter(({ asked }) => chosen(asked)).map(({ preferences }) => preferences[name]);
    // At least five standard errors, from the variances of the places: 0.164/√2000, 0.108/√8000, 0.032/√14000.
    expect(Math.abs(meanOf(strengths((asked) => asked === name)) - 0.496)).toBeLessThan(0.018);
    expect(Math.abs(meanOf(strengths((asked) => asked === undefined)) - 0.062)).toBeLessThan(0.0065);
    const others = strengths((asked) => asked !== undefined && asked !== name);
    expect(Math.abs(meanOf(others) - markedForOthers)).toBeLessThan(0.0015);
  }
});

test("amplified odds turn the places one after another: two at x = 1, three at 2, four at 3.4, all at 4.5", () => {
  const markedAt = (x: number) =>
    Object.entries(markedWhenAsked).filter(([slot, asked]) => {
      const free = markedWhenFree[slot as keyof typeof markedWhenFree];
      const usualAsked = 1 - asked - 7 * markedForOthers;
      const usualFree = 1 - 8 * free;
      return asked ** x * free ** (1 - x) > usualAsked ** x * usualFree ** (1 - x);
    }).length;
  expect([0, 1, 2, 3.4, 4.5].map(markedAt)).toEqual([0, 2, 3, 4, 5]);
});
