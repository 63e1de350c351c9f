import fc from "fast-check";
import { expect, test } from "vitest";
import { findPair, questionsOf } from "../src/study.js";

const part = fc.constantFrom("a", "b", "c");
const pairs = fc.uniqueArray(fc.record({ question: part, preference: part }), {
  minLength: 1,
  selector: ({ question, preference }) => question + preference,
});

test("a pair is found where it is, and one that lacks the preference is of its question all the same", () => {
  fc.assert(
    fc.property(pairs, part, part, (all, question, preference) => {
      const found = all[findPair(all, { question, preference })];
      const isThere = all.some((pair) => pair.question === question && pair.preference === preference);
      if (isThere) expect(found).toEqual({ question, preference });
      else expect(found?.question).toBe(all.find((pair) => pair.question === question)?.question);
    }),
  );
});

test("going from question to question meets each of them once, and none that is not there", () => {
  fc.assert(
    fc.property(pairs, (all) => {
      const met = questionsOf(all).map((question) => all[findPair(all, { ...all[0]!, question })]!.question);
      expect(met.toSorted()).toEqual([...new Set(all.map(({ question }) => question))].sort());
    }),
  );
});
