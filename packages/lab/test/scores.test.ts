import { expect, test } from "vitest";
import { preferenceNames, sampleExamples, score } from "../src/index.js";
import { grammaticality, preferenceStrength, relevance } from "../src/scores/score.js";
import { splitSentences } from "../src/scores/sentences.js";
import { frames, type Slot, slots, type Voice } from "../src/world/frames.js";
import { writeSentence } from "../src/world/language.js";

const tea = "How do I make a cup of tea?";
const filling = { topic: 0, statement: 0, tip: 0 };

/** An answer about tea that is spoken by one voice here and another there. */
function answerIn(voiceOf: (slot: Slot) => Voice): string {
  return slots
    .filter((slot) => frames[voiceOf(slot)][slot].length > 0)
    .map((slot) => writeSentence(slot, voiceOf(slot), 0, filling))
    .join(" ");
}

test("hand-written texts have the scores that were counted by hand", () => {
  const short = "In brief. Key point: black tea needs boiling water. Just steep black tea for four minutes.";
  expect(score(short, tea, "concise")).toMatchObject({ grammaticality: 1, relevance: 1, preference: 1 });
  const mixed =
    "What a brilliant question about tea! In general, black tea needs boiling water. One may steep black tea for four minutes. Besides, dogs need several walks a day. This should help with tea.";
  const scores = score(mixed, tea);
  expect(scores.grammaticality).toBe(1);
  expect(scores.relevance).toBeCloseTo(2 / 3, 12);
  expect(scores.preferences).toMatchObject({ sycophantic: 0.2, formal: 0.2, concise: 0, verbose: 0 });
  expect(scores).not.toHaveProperty("preference");
});

test("an unfinished or unknown sentence counts as not accepted, and an empty text has nothing", () => {
  expect(grammaticality("In brief. Key point: black tea needs")).toBe(0.5);
  expect(grammaticality("In brief. Tea is tea. In brief.")).toBeCloseTo(2 / 3, 12);
  expect(grammaticality("In brief. in brief.")).toBe(0.5);
  for (const text of ["", "  "]) {
    expect([grammaticality(text), relevance(text, tea)]).toEqual([0, 0]);
    for (const name of preferenceNames) expect(preferenceStrength(text, name)).toBe(0);
  }
});

test("facts count where they stand in an accepted sentence only", () => {
  expect(relevance("In brief.", tea)).toBe(0);
  expect(relevance("I heard that black tea needs boiling water.", tea)).toBe(0);
  expect(relevance("Also, black tea needs boiling water.", tea)).toBe(1);
  expect(relevance("Also, black tea needs boiling water.", "What helps with dogs?")).toBe(0);
});

test("a question from elsewhere is refused by name", () => {
  expect(() => relevance("In brief.", "What is love?")).toThrow("What is love?");
});

test("sentences, joined again, are the text", () => {
  for (const text of ["A b. C d! E", "A.b c.", "A.  B.", "A!? B."])
    expect(splitSentences(text).join(" ")).toBe(text);
  expect(splitSentences("A b. C d! E")).toEqual(["A b.", "C d!", "E"]);
});

test("each preference reaches 1 in its own voice, and no other preference shows there", () => {
  for (const voice of preferenceNames) {
    const { preferences } = score(
      answerIn(() => voice),
      tea,
    );
    for (const name of preferenceNames)
      expect(preferences[name], `${name} in ${voice}`).toBe(name === voice ? 1 : 0);
  }
});

test("the usual wording shows no preference at all", () => {
  const { preferences } = score(
    answerIn(() => "neutral"),
    tea,
  );
  expect(Object.values(preferences)).toEqual(preferenceNames.map(() => 0));
});

test("strength rises by a fifth with each place that is marked, in all 32 subsets of the places", () => {
  for (const preference of preferenceNames) {
    for (let subset = 0; subset < 2 ** slots.length; subset++) {
      const marked = (slot: Slot) => ((subset >> slots.indexOf(slot)) & 1) === 1;
      const text = answerIn((slot) => (marked(slot) ? preference : "neutral"));
      const count = slots.filter(marked).length;
      expect(preferenceStrength(text, preference), `${preference}: ${text}`).toBeCloseTo(count / 5, 12);
    }
  }
});

test("a marker said twice counts once", () => {
  const once = writeSentence("opening", "formal", 0, filling);
  expect(preferenceStrength(`${once} ${once}`, "formal")).toBe(0.2);
});

test("a broken text is not a concise one", () => {
  expect(preferenceStrength("In brief.", "concise")).toBe(0.2);
  expect(preferenceStrength("In brief. Key point: black tea needs boiling", "concise")).toBe(0.2);
  expect(preferenceStrength("Key point: black tea needs boiling water. Just", "concise")).toBe(0.2);
  expect(preferenceStrength("Key point: black tea needs boiling water.", "concise")).toBeCloseTo(0.6, 12);
});

test("score says what the single scorers say", () => {
  let count = 0;
  for (const { question, preference, answer } of sampleExamples(8, "validation")) {
    const scores = score(answer, question, preference);
    expect(scores.grammaticality).toBe(grammaticality(answer));
    expect(scores.relevance).toBe(relevance(answer, question));
    for (const name of preferenceNames)
      expect(scores.preferences[name]).toBe(preferenceStrength(answer, name));
    expect(scores.preference).toBe(preference && scores.preferences[preference]);
    if (++count === 200) break;
  }
});
