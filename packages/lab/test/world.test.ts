import { xoshiro128 } from "@amulet-ts/core";
import { expect, test } from "vitest";
import { sampleExamples } from "../src/index.js";
import { splitSentences } from "../src/scores/sentences.js";
import { frames, questionFrames, slots } from "../src/world/frames.js";
import { derive, type Grammar, productionOf, recognise, write } from "../src/world/grammar.js";
import {
  factCounts,
  language,
  questionsAbout,
  readSentence,
  topicOfQuestion,
  voices,
} from "../src/world/language.js";
import { topics } from "../src/world/topics.js";

/** All texts of a symbol, by plain enumeration: shares nothing with `derive`, `write` and `recognise`. */
function textsOf(grammar: Grammar, symbol: string): string[] {
  return grammar.get(symbol)!.flatMap((production) =>
    production.reduce<string[]>(
      (heads, part) => {
        const tails = typeof part === "string" ? [part] : textsOf(grammar, part.symbol);
        return heads.flatMap((head) => tails.map((tail) => head + tail));
      },
      [""],
    ),
  );
}

const allSentences = textsOf(language, "sentence");
const sentenceSet = new Set(allSentences);

function someSentences(count: number, seed: number): string[] {
  const random = xoshiro128(seed);
  return Array.from({ length: count }, () => allSentences[Math.floor(random() * allSentences.length)]!);
}

test("every topic has four statements and three tips, none of them shared, all of them in the grammar's form", () => {
  expect(topics.length).toBeGreaterThanOrEqual(64);
  const facts = topics.flatMap(({ statements, tips }) => [...statements, ...tips]);
  expect(new Set(facts).size).toBe(facts.length);
  expect(facts.length).toBe(topics.length * (factCounts.statement + factCounts.tip));
  for (const fact of facts) expect(fact).toMatch(/^[a-z][a-z' -]*[a-z]$/);
});

test("every topic's name stands in each of its facts", () => {
  const strays = topics.flatMap(({ name, statements, tips }) => {
    const noun = name.replace(/^a /, "");
    return [...statements, ...tips].filter((fact) => !fact.includes(noun));
  });
  expect(strays).toEqual([]);
});

test("every question is asked of one topic, in at least eight ways", () => {
  const questions = topics.map((_, topic) => questionsAbout(topic));
  const all = questions.flat();
  expect(new Set(all).size).toBe(all.length);
  expect(questionFrames.length + 1).toBeGreaterThanOrEqual(8);
  questions.forEach((asked, topic) => {
    for (const question of asked) expect(topicOfQuestion(question)).toBe(topic);
  });
});

test("no two wordings are alike, and every place but concise's empty two has two of them", () => {
  const wordings = voices.flatMap((voice) => slots.flatMap((slot) => frames[voice][slot]));
  expect(new Set(wordings).size).toBe(wordings.length);
  expect(wordings.length).toBe((voices.length * slots.length - 2) * 2);
});

test("the words are few and the sentences short", () => {
  const words = new Set(allSentences.flatMap((text) => text.toLowerCase().split(/[ .,!:]+/)));
  expect(words.size).toBeLessThan(2500);
  const lengths = allSentences.map((text) => text.split(" ").length);
  expect(Math.max(...lengths)).toBeLessThanOrEqual(35);
});

test("the recogniser accepts what the generator writes, in one way only: five thousand answers", () => {
  let count = 0;
  for (const { answer } of sampleExamples(11, "train")) {
    for (const sentence of splitSentences(answer))
      expect(recognise(language, "sentence", sentence)).toHaveLength(1);
    if (++count === 5000) break;
  }
});

test("what the generator writes is among the sentences that enumeration finds", () => {
  const random = xoshiro128(3);
  for (let i = 0; i < 3000; i++) {
    const derivation = derive(language, "sentence", (_, { length }) => Math.floor(random() * length));
    const text = write(language, derivation);
    expect(sentenceSet.has(text)).toBe(true);
    expect(recognise(language, "sentence", text)).toEqual([derivation]);
  }
});

/** Whether the recogniser says what enumeration says, and how many of the texts both reject. */
function rejectedShare(texts: readonly string[]): number {
  const rejected = texts.filter((text) => {
    expect(readSentence(text) !== undefined).toBe(sentenceSet.has(text));
    return !sentenceSet.has(text);
  });
  return rejected.length / texts.length;
}

function perturb(seed: number, change: (words: string[], at: number) => string[]): string[] {
  const random = xoshiro128(seed);
  return someSentences(2000, seed).map((text) => {
    const words = text.split(" ");
    return change(words, Math.floor(random() * (words.length - 1))).join(" ");
  });
}

test("the recogniser agrees with enumeration on sentences with a word doubled, and rejects all", () => {
  // No sentence of the language has a word twice in a row, so none of these is a sentence.
  expect(rejectedShare(perturb(21, (words, at) => words.toSpliced(at, 0, words[at]!)))).toBe(1);
});

test("the recogniser agrees with enumeration on sentences with two words swapped, and rejects all", () => {
  // Two neighbours are never equal, and no two sentences of the language differ by a swap of neighbours.
  const swapped = perturb(22, (words, at) => words.toSpliced(at, 2, words[at + 1]!, words[at]!));
  expect(rejectedShare(swapped)).toBe(1);
});

test("the recogniser agrees with enumeration on sentences with a word dropped, and rejects nearly all", () => {
  // Not all: a fact without its adjective may be a fact as well. What enumeration finds decides, not this bound.
  expect(rejectedShare(perturb(23, (words, at) => words.toSpliced(at, 1)))).toBeGreaterThan(0.99);
});

test("the recogniser agrees with enumeration on sentences cut anywhere, and rejects all", () => {
  const random = xoshiro128(24);
  const cut = someSentences(2000, 24).map((text) => text.slice(0, Math.floor(random() * text.length)));
  expect(rejectedShare(cut)).toBe(1);
});

test("a derivation has its parts from left to right, as they are read and as they are written", () => {
  const grammar: Grammar = new Map([
    ["code", [productionOf("<letter>-<digit>")]],
    ["letter", [["a"], ["b"], ["c"]]],
    ["digit", [["0"], ["1"]]],
  ]);
  const [derivation] = recognise(grammar, "code", "c-0");
  expect(derivation!.children.map(({ symbol, choice }) => [symbol, choice])).toEqual([
    ["letter", 2],
    ["digit", 0],
  ]);
  expect(write(grammar, derivation!)).toBe("c-0");
});

test("an ambiguous grammar gives every reading, and an unknown symbol is named", () => {
  const grammar: Grammar = new Map([
    ["pair", [productionOf("<letters><letters>")]],
    ["letters", [["a"], ["aa"]]],
  ]);
  expect(recognise(grammar, "pair", "aaa")).toHaveLength(2);
  expect(recognise(grammar, "pair", "aaaaa")).toHaveLength(0);
  expect(() => recognise(grammar, "pairs", "a")).toThrow("<pairs>");
});
