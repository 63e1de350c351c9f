/** Scores that are computed of a text: each by texts whose score its definition tells. */
import { fc, test as property } from "@fast-check/vitest";
import { describe, expect, test } from "vitest";
import { computedPreferences, computedScorer } from "../src/index.js";
import { type ComputedPreferenceName, scorePreference } from "../src/scorers/computed/preferences.js";
import { refuses, repetition, sharedWords } from "../src/scorers/computed/quality.js";
import { readingGrade, sentencesOf, syllablesOf, wordsOf } from "../src/scorers/computed/text-parts.js";

const names = Object.keys(computedPreferences) as ComputedPreferenceName[];
const words = (count: number) => `${Array.from({ length: count }, () => "tea").join(" ")}.`;

/** For every preference a text with 0, one with 1, and one in between. */
const examples: Record<ComputedPreferenceName, readonly (readonly [text: string, score: number])[]> = {
  concise: [
    [words(100), 0],
    [words(20), 1],
    [words(60), 0.5],
  ],
  verbose: [
    [words(20), 0],
    [words(100), 1],
    [words(60), 0.5],
  ],
  "short-sentences": [
    [words(24), 0],
    ["Boil the water. Add tea.", 1],
    [words(15), 0.5],
  ],
  // One sentence of n words of one syllable has the grade 0.39 n + 11.8 − 15.59.
  simple: [
    ["Internationalization necessitates considerable administrative coordination.", 0],
    ["Boil the water.", 1],
    [words(30), (13 - (0.39 * 30 - 3.79)) / 10],
  ],
  complex: [
    ["Boil the water.", 0],
    ["Internationalization necessitates considerable administrative coordination.", 1],
    [words(40), (0.39 * 40 - 3.79 - 5) / 12],
  ],
  formal: [
    ["Hey, don't worry!", 0],
    ["One boils the water. Sam's cup is filled.", 1],
    ["It's easy. One boils the water.", 0.5],
  ],
  informal: [
    ["One boils the water.", 0],
    ["Yeah, you’ll love it. Wow!", 1],
    ["It's easy. One boils the water.", 0.5],
  ],
  bullets: [
    ["- only one item", 0],
    ["- boil water\n* add tea", 1],
    ["Here is how:\n1. boil water\n2) add tea\nEnjoy.", 0.5],
  ],
  prose: [
    ["- boil water\n- add tea", 0],
    ["Boil water, then add tea.", 1],
    ["Boil water.\n\nAdd tea.", 0],
  ],
  questions: [
    ["Boil water.", 0],
    ["Which tea? How strong?", 1],
    ["Boil water. Which tea?", 0.5],
  ],
  enthusiastic: [
    ["Boil water.", 0],
    ["Boil water! Add tea!!", 1],
    ["Boil water! Add tea.", 0.5],
  ],
  uplifting: [
    ["Boil water.", 0],
    ["You can do it. Enjoy it!", 1],
    ["Boil water. Enjoy it.", 0.5],
  ],
  "first-person": [
    ["Boil water in winter.", 0],
    ["I boil water. It warms me.", 1],
    ["I'm warm. Add tea.", 0.5],
  ],
  "second-person": [
    ["Boil water. The youth wait.", 0],
    ["You boil your water.", 1],
    ["You wait. Add tea.", 0.5],
  ],
  cautious: [
    ["Boil water.", 0],
    ["It may help. Perhaps add tea.", 1],
    ["Boil water. It usually helps.", 0.5],
  ],
  connected: [
    ["Boil water.", 0],
    ["Boil water. Therefore it is hot.", 1],
    ["Boil water. Wait. However, not long. Add tea. Stir. Drink.", 1 / 3],
  ],
  numbers: [
    ["1. Boil water.", 0],
    ["Boil 2 cups. Wait 3 minutes.", 1],
    ["Boil 2 cups. Wait.", 0.5],
  ],
  emoji: [
    ["Boil water.", 0],
    ["Boil water 🍵.", 1],
    ["Boil water. Wait. Stir. Drink. Rest. Go 🍵.", 0.5],
  ],
  shouting: [
    ["boil", 0],
    ["BOIL 2 CUPS!", 1],
    ["Bo", 0.5],
  ],
  german: [
    ["The water is hot.", 0],
    ["Das Wasser ist heiß und der Tee nicht.", 1],
    ["Und the Tee of der", 0.5],
  ],
  french: [
    ["The water is hot.", 0],
    ["Les feuilles sont dans le pot.", 1],
    ["Dans the pot of sont", 0.5],
  ],
  spanish: [
    ["The water is hot.", 0],
    ["Los niños y las hojas están más lejos.", 1],
    ["Los the niños of están", 0.5],
  ],
};

describe.each(names)("the preference %s", (name) => {
  test.each(examples[name])("%j has %d", (text, score) => {
    expect(scorePreference(text, name)).toBeCloseTo(score, 12);
  });
});

property.prop([fc.string({ unit: "grapheme", maxLength: 80 })])(
  "every score of any text lies between 0 and 1, and an empty text has none",
  (text) => {
    for (const name of names) {
      const score = scorePreference(text, name);
      expect(score).toBeGreaterThanOrEqual(0);
      expect(score).toBeLessThanOrEqual(1);
      if (wordsOf(text).length === 0) expect(score).toBe(0);
    }
  },
);

describe("parts of a text", () => {
  test("words keep apostrophes and hyphens inside, and no others", () => {
    expect(wordsOf("Don't 'quote' well-known—things, 3.5 × naïve")).toEqual([
      "Don't",
      "quote",
      "well-known",
      "things",
      "3",
      "5",
      "naïve",
    ]);
  });

  test("sentences end at stops before white space and at line breaks", () => {
    expect(sentencesOf('She said "Go!" Then 3.5 cups… Done\n- next\n\n***')).toEqual([
      'She said "Go!"',
      "Then 3.5 cups…",
      "Done",
      "- next",
    ]);
  });

  test.each([
    ["tea", 1],
    ["water", 2],
    ["make", 1],
    ["makes", 1],
    ["table", 2],
    ["boiled", 1],
    ["needed", 2],
    ["boxes", 2],
    ["watches", 2],
    ["changes", 2],
    ["beautiful", 3],
    ["electricity", 5],
  ])("%s has %d syllables", (word, count) => expect(syllablesOf(word)).toBe(count));

  test("the grade is Flesch and Kincaid's formula", () => {
    // 2 sentences, 8 words, 10 syllables.
    expect(readingGrade("The water boils. Add tea to the table.")).toBeCloseTo(
      0.39 * 4 + 11.8 * (10 / 8) - 15.59,
      12,
    );
  });
});

describe("quality", () => {
  test.each([
    ["one two three", 0],
    ["one two three four five", 0],
    ["a b c d a b c d", 1 - 4 / 5],
    ["go go go go go go", 1 - 1 / 3],
  ])("%j repeats %d of its runs", (text, share) => expect(repetition(text)).toBeCloseTo(share, 12));

  test.each([
    ["I'm sorry, but I can't help with that.", 1],
    ["As an AI language model, I have no taste.", 1],
    ["I cannot assist with this.", 1],
    ["Sorry is a word. I cannot see why not. It is easy. I'm sorry.", 0],
    ["Boil water.", 0],
  ])("%j is refused: %d", (text, refused) => expect(refuses(text)).toBe(refused));

  test.each([
    ["Boiling water makes tea.", "How do I boil water?", 1],
    ["Cats purr.", "How do I boil water?", 0],
    ["Water.", "How do I boil water?", 0.5],
    ["x", "Why is it so?", 0],
  ])("%j to %j shares %d", (answer, question, share) => expect(sharedWords(answer, question)).toBe(share));

  test("the scorer knows a preference by its sentence, and refuses one without a definition", () => {
    const scorer = computedScorer({ "Be brief.": "concise" });
    const asked = { question: "How do I boil water?", preference: "Be brief." };
    expect(scorer.score("Boil water.", asked)).toEqual({
      preference: 1,
      fluency: 1,
      relevance: 1,
      compliance: 1,
    });
    expect(scorer.score("", asked)).toMatchObject({ preference: 0, fluency: 0 });
    expect(() => computedScorer({ "Be nice.": "nice" })).toThrow(/"nice"; there are: concise, /);
  });
});
