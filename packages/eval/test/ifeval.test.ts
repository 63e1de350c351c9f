/** IFEval's instructions: for each a text that follows it, one that does not, and what lies between. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fc, test as property } from "@fast-check/vitest";
import { describe, expect, test } from "vitest";
import { type IfevalId, ifevalInstructions, ifevalScorer, loadQuestions, parseConfig } from "../src/index.js";
import { pairUp } from "../src/runs/pairs.js";
import { follows, followsLoosely, type Instruction } from "../src/scorers/ifeval/instruction.js";
import { countSentences } from "../src/scorers/ifeval/text-rules.js";

type Example = readonly [parameters: object, yes: readonly string[], no: readonly string[]];

const examples: Record<IfevalId, Example> = {
  "keywords:existence": [{ keywords: ["Tea", "cup"] }, ["Teapots and a CUPboard"], ["tea alone"]],
  "keywords:frequency": [
    { keyword: "tea", frequency: 2, relation: "at least" },
    ["Tea for the team", "tea tea tea"],
    ["one tea", ""],
  ],
  "keywords:forbidden_words": [
    { forbidden_words: ["tea", "c++"] },
    ["teapot", "steam", "c+"],
    ["Tea!", "my tea.", "in C++ we"],
  ],
  "keywords:letter_frequency": [
    { letter: "T", let_frequency: 3, let_relation: "less than" },
    ["to it", "a"],
    ["Tatty", "t t t"],
  ],
  "language:response_language": [
    { language: "de" },
    ["Zuerst kocht man das Wasser, dann gibt man den Tee dazu und wartet.", "1, 2, 3!"],
    ["First one boils the water, then one adds the tea and waits."],
  ],
  "length_constraints:number_sentences": [
    { num_sentences: 3, relation: "less than" },
    ["One. Two!", "Dr. Who left. He did", "One\nand\ntwo"],
    ["One. Two? Three", "A cat. A dog. It rains."],
  ],
  "length_constraints:number_paragraphs": [
    { num_paragraphs: 2 },
    ["a *** b", "a\n***\nb", "***a***b***"],
    ["a", "a *** *** b", "a***b***c"],
  ],
  "length_constraints:number_words": [
    { num_words: 3, relation: "at least" },
    ["it's me", "one two three four"],
    ["one two", "one-two"],
  ],
  "length_constraints:nth_paragraph_first_word": [
    { num_paragraphs: 2, nth_paragraph: 2, first_word: "tea" },
    ["a\n\nTea, please", 'a\n\n"tea" it is', "a b\n\n  tea"],
    ["tea\n\na", "a\n\nteapot", "a\n\ntea\n\nb", "a\ntea", "a\n\n\n\ntea"],
  ],
  "detectable_content:number_placeholders": [
    { num_placeholders: 2 },
    ["[name] [] x", "[a] and [b c]"],
    ["[a", "[a\nb] [c]", "[a]"],
  ],
  "detectable_content:postscript": [
    { postscript_marker: "P.S." },
    ["Bye.\nP.S. call", "p. s. call", "P.P.S. P.S. x"],
    ["PS call", "P.S"],
  ],
  "detectable_format:number_bullet_lists": [
    { num_bullets: 2 },
    ["* a\n* b", "- a\n  - b", "Text\n* a\n- b\nend"],
    ["* a", "** a\n** b", "1. a\n2. b", "- a\n- b\n- c"],
  ],
  "detectable_format:constrained_response": [
    {},
    ["My answer is no.", "Well. My answer is maybe."],
    ["my answer is yes.", "My answer is no"],
  ],
  "detectable_format:number_highlighted_sections": [
    { num_highlights: 2 },
    ["*a* and *b*", "**a** and *b*"],
    ["*a*", "** ** *a*", "*a\nb* *c*"],
  ],
  "detectable_format:multiple_sections": [
    { section_spliter: "Section", num_sections: 2 },
    ["Section 1\na\nSection 2\nb", "Section1 Section2 Section 3"],
    ["Section 1", "SECTION 1 SECTION 2", "Section A Section B"],
  ],
  "detectable_format:json_format": [
    {},
    ['{"a": 1}', "```json\n[1]\n```", "```\n3\n```"],
    ["{a: 1}", "tea", '{"a": 1} so'],
  ],
  "detectable_format:title": [{}, ["<<tea>>\nx", "a <<b c>>"], ["<tea>", "<<>>", "<< >>", "<<a\nb>>"]],
  "combination:two_responses": [
    {},
    ["a ****** b", "******a******b******"],
    ["a", "a ****** a", "a ****** b ****** c", "a ****** ****** b"],
  ],
  "combination:repeat_prompt": [
    { prompt_to_repeat: "Why tea?" },
    ["why TEA? Because.", "  Why tea?"],
    ["Because. Why tea?"],
  ],
  "startend:end_checker": [
    { end_phrase: "That is all." },
    ["x. that is all.", '"x. That is all."\n'],
    ["That is all. Bye", "That is all"],
  ],
  "startend:quotation": [{}, ['"a"', ' "a\nb" '], ["a", '"a', '"', "“a”"]],
  "change_case:capital_word_frequency": [
    { capital_frequency: 2, capital_relation: "at least" },
    ["A CUP", "WELL-KNOWN U.S.", "COVID-19 IS here"],
    ["Tea", "WELL-KNOWN tea", "12 34"],
  ],
  "change_case:english_capital": [
    {},
    ["THE WATER IS BOILED AND THEN THE TEA IS ADDED."],
    ["The water is boiled.", "DAS WASSER WIRD GEKOCHT UND DANN KOMMT DER TEE DAZU.", "123"],
  ],
  "change_case:english_lowercase": [
    {},
    ["the water is boiled and then the tea is added."],
    ["The water is boiled.", "das wasser wird gekocht und dann kommt der tee dazu."],
  ],
  "punctuation:no_comma": [{}, ["tea; please"], ["tea, please"]],
};

const ids = Object.keys(ifevalInstructions) as IfevalId[];
const instructionOf = (id: IfevalId): Instruction => ({ id, ...examples[id][0] });

test("there are 25 of them", () => expect(ids).toHaveLength(25));

describe.each(ids)("%s", (id) => {
  const [, yes, no] = examples[id];
  test.each(yes)("is followed by %j", (text) => expect(follows(text, instructionOf(id))).toBe(true));
  test.each(no)("is not by %j", (text) => expect(follows(text, instructionOf(id))).toBe(false));
  test.each(["", " \n"])("is not by %j", (text) => expect(follows(text, instructionOf(id))).toBe(false));
});

property.prop([fc.constantFrom(...ids), fc.string(), fc.array(fc.string(), { maxLength: 4 })])(
  "what is followed is followed loosely too, whatever else there is",
  (id, text, more) => {
    const answer = [text, ...more, ...examples[id][1]].join("\n");
    if (follows(answer, instructionOf(id))) expect(followsLoosely(answer, instructionOf(id))).toBe(true);
  },
);

test("loosely, the first and the last line and asterisks do not count", () => {
  const quoted = instructionOf("startend:quotation");
  expect(follows('Here it is:\n"tea"\nBye', quoted)).toBe(false);
  expect(followsLoosely('Here it is:\n"tea"\nBye', quoted)).toBe(true);
  expect(followsLoosely('*"tea"*', quoted)).toBe(true);
  expect(followsLoosely('So\nhere:\n"tea"', quoted)).toBe(false);
});

test.each([
  ["Mr. and Mrs. Ng left. They did.", 2],
  ["It was 3.5 km. So?!", 2],
  ["At 5 p.m. we left. At 6 p.m. They left.", 3],
  ["The U.S. is large. J. S. Bach lived.", 2],
  ["Well... maybe. Well... Yes.", 3],
  ['He said "Go!" Then (so it seems.) he left', 3],
  ["1. Boil water. 2. Add tea.", 4],
  ["- Boil water\n- Add tea", 1],
])("%j has %d sentences", (text, count) => expect(countSentences(text)).toBe(count));

describe("as a scorer", () => {
  const instructions = [
    instructionOf("punctuation:no_comma"),
    { id: "length_constraints:number_words", num_words: 3, relation: "less than" } as const,
  ];

  test("gives the share that is followed, and whether all are", async () => {
    const asked = { question: "Q", preference: "P", instructions };
    const { score } = ifevalScorer([asked]);
    expect(await score("two words", asked)).toMatchObject({ preference: 1, all: 1, loose: 1, allLoose: 1 });
    expect(await score("these are four words", asked)).toMatchObject({ preference: 0.5, all: 0, loose: 0.5 });
    expect(await score("Of course, so:\ntwo words", asked)).toMatchObject({ preference: 0, allLoose: 1 });
    expect(await score("", asked)).toMatchObject({ preference: 0, allLoose: 0, fluency: 0 });
  });

  test("what can't be verified is refused", () => {
    expect(() => ifevalScorer([{ question: "Q", preference: "P" }])).toThrow(/can be verified/);
  });

  test("instructions come from rows of its data set and from preferences, nulls left out", async () => {
    const folder = await mkdtemp(join(tmpdir(), "amulet-ifeval-"));
    const row = (kwargs: object) => ({
      key: 1000,
      prompt: "Why tea?",
      instruction_id_list: ["punctuation:no_comma", "keywords:existence"],
      kwargs: [{ keywords: null, num_words: null }, kwargs],
    });
    const path = join(folder, "rows.jsonl");
    const load = async (kwargs: object) => {
      await writeFile(path, `${JSON.stringify(row(kwargs))}\n`);
      return (await loadQuestions({ source: path, field: "prompt", limit: null, distinct: false })).questions;
    };
    const questions = await load({ keywords: ["tea"], num_words: null });
    expect(questions).toEqual([
      {
        id: "1000",
        question: "Why tea?",
        instructions: [{ id: "punctuation:no_comma" }, { id: "keywords:existence", keywords: ["tea"] }],
      },
    ]);
    const { preferences } = parseConfig(
      'preferences: [{ name: brief, text: Use less than 9 words., instructions: [{ id: "length_constraints:number_words", num_words: 9, relation: less than }] }]',
      { questions: { source: "x" }, scores: "ifeval" },
      "it",
    );
    expect(pairUp(questions, preferences)[0]!.instructions).toHaveLength(3);
    await expect(load({})).rejects.toThrow(/row 1 has an instruction that is none of IFEval's/);
    await rm(folder, { recursive: true });
  });

  test.each([
    ['{ id: "keywords:magic" }', /preferences\.0\.instructions\.0/],
    ['{ id: "keywords:existence" }', /keywords/],
    ['{ id: "punctuation:no_comma", keywords: [a] }', /keywords/],
  ])("a config with %s is refused with its place", (instruction, where) => {
    const text = `preferences: [{ name: a, text: b, instructions: [${instruction}] }]`;
    expect(() => parseConfig(text, { questions: { source: "x" }, scores: "ifeval" }, "it")).toThrow(where);
  });
});
