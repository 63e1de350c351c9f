/** Which pairs a study asks, and how any answer is judged. */
import { fc, test as property } from "@fast-check/vitest";
import { describe, expect, test } from "vitest";
import {
  choosePairs,
  heldOutPairs,
  judgeAnswer,
  labScorer,
  preferenceNamed,
  preferenceNames,
  preferenceSentenceOf,
  type QuestionPair,
  sampleExamples,
  score,
} from "../src/index.js";

const keyOf = ({ question, preference }: QuestionPair) => `${preference} ${question}`;

/** Every pair that a long run of the split brings. */
function pairsOf(split: "train" | "validation", count: number): Set<string> {
  const examples = sampleExamples(11, split);
  const keys = new Set<string>();
  for (let i = 0; i < count; i++) {
    const { question, preference } = examples.next().value;
    if (preference) keys.add(keyOf({ question, preference }));
  }
  return keys;
}

describe("the pairs of a study", () => {
  const { reported, choosing } = choosePairs(400);

  test("are reported on where nothing was trained on, chosen with where nothing is reported", () => {
    expect([reported.length, choosing.length]).toEqual([400, 200]);
    const [reportedKeys, choosingKeys] = [reported, choosing].map((pairs) => new Set(pairs.map(keyOf)));
    expect([reportedKeys!.size, choosingKeys!.size]).toEqual([400, 200]);
    const [train, validation] = [pairsOf("train", 60_000), pairsOf("validation", 20_000)];
    // All there are: 66 topics, 8 preferences, 11 questions, one of which is validated and one held out.
    expect([train.size, validation.size]).toEqual([66 * 8 * 9, 66 * 8]);
    for (const key of reportedKeys!) expect(train.has(key) || validation.has(key)).toBe(false);
    for (const key of choosingKeys!) expect(validation.has(key) && !train.has(key)).toBe(true);
  });

  test("a shorter study asks the first of the same, of all preferences", () => {
    const few = choosePairs(40);
    expect(few.reported).toEqual(reported.slice(0, 40));
    expect(few.choosing).toEqual(choosing.slice(0, 20));
    expect(new Set(few.reported.map(({ preference }) => preference)).size).toBe(preferenceNames.length);
    expect(choosePairs(heldOutPairs().length).reported.map(keyOf).sort()).toEqual(
      heldOutPairs().map(keyOf).sort(),
    );
  });

  test.each([0, 1.5, 529, Number.NaN])("there is no study of %d pairs", (count) => {
    expect(() => choosePairs(count)).toThrowError(/1 to 528 pairs/);
  });
});

describe("a judgement", () => {
  property.prop([fc.integer(), fc.constantFrom(...preferenceNames), fc.boolean()])(
    "is the scores, and their sentences are the answer's",
    (seed, preference, isBroken) => {
      const { question, answer } = sampleExamples(seed, "train").next().value;
      const text = isBroken ? answer.slice(0, -5) : answer;
      const judged = judgeAnswer(text, question, preferenceSentenceOf(preference));
      const scores = score(text, question, preference);
      expect(judged).toMatchObject({
        grammaticality: scores.grammaticality,
        relevance: scores.relevance,
        preference: { name: preference, strength: scores.preference },
      });
      expect(judged.sentences.map((sentence) => sentence.text).join(" ")).toBe(text.trim());
      const accepted = judged.sentences.filter(({ reading }) => reading).length;
      expect(accepted / judged.sentences.length).toBe(judged.grammaticality);
    },
  );

  test("leaves out what the world does not know", () => {
    const judged = judgeAnswer("In brief.", "Who are you?", "Be nice.");
    expect(judged).toEqual({
      grammaticality: 1,
      sentences: [{ text: "In brief.", reading: { slot: "opening", voice: "concise" } }],
    });
    expect(preferenceNamed("concise")).toBe("concise");
    expect(preferenceNamed("Your answer should be concise.")).toBe("concise");
    expect(preferenceNamed("Your answer should be brief.")).toBeUndefined();
  });
});

describe("the lab as a scorer", () => {
  property.prop([fc.integer(), fc.constantFrom(...preferenceNames)])(
    "gives the world's scores under the sentence that states a preference",
    async (seed, name) => {
      const { question, answer } = sampleExamples(seed, "train").next().value;
      const scores = await labScorer.score(answer, { question, preference: preferenceSentenceOf(name) });
      const { grammaticality, relevance, preference } = score(answer, question, name);
      expect(scores).toMatchObject({ grammaticality, relevance, preference });
      expect(labScorer.names).toEqual(["grammaticality", "relevance", "preference"]);
    },
  );

  test("refuses a preference that its world does not have", () => {
    const asked = { question: "How do I make a cup of tea?", preference: "Be nice." };
    expect(() => labScorer.score("In brief.", asked)).toThrowError(/"Be nice\."; there are: creative, /);
  });
});
