/** IFEval's instructions against the published checker, as the Python package lm-eval carries it, where it is here. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { xoshiro128 } from "@amulet-ts/core";
import { describe, expect, test } from "vitest";
import { follows, followsLoosely, type Instruction } from "../../src/scorers/ifeval/instruction.js";
import { type IfevalId, ifevalInstructions } from "../../src/scorers/ifeval/instructions.js";

const python = fileURLToPath(
  new URL("../../../../node_modules/.cache/statistics/bin/python3", import.meta.url),
);
const hasChecker =
  existsSync(python) && spawnSync(python, ["-c", "import langdetect, nltk, punkt"]).status === 0;
if (!hasChecker)
  console.log(
    "IFEval's instructions are not compared with the published checker: node_modules/.cache/statistics, which .ci/run makes, has no lm-eval.",
  );

const random = xoshiro128(21);
const below = (count: number) => Math.floor(random() * count);
const pick = <T>(values: readonly T[]): T => values[below(values.length)]!;
const several = <T>(values: readonly T[], most: number): T[] =>
  Array.from({ length: 1 + below(most) }, () => pick(values));

const sentences = [
  "First one boils the water.",
  "Dr. Smith said it's a well-known rule!",
  "Is TEA better than coffee, or not?",
  'She said "Go!" and left (at last.)',
  "It costs 3.5 dollars... maybe.",
  "I LOVE the U.S. and its TEA.",
  "My answer is maybe.",
  "the teapot, the team and the steam",
  "Please write to [name] at [address].",
  "This is *quite* important and **bold** too.",
  "P.S. Call me. p. p.s. again",
  "Any other questions?",
  "COVID-19 is OVER, he wrote.",
];
const blocks = [
  "* one\n* two",
  "- one\n  - two\n- three",
  "1. Boil water.\n2. Add tea.",
  "***",
  "******",
  "<<A title>>",
  "<< >>",
  "Section 1\nabout tea",
  "SECTION 2\nabout cups",
  '{"a": [1, 2]}',
  "```json\n{}\n```",
  "** **",
  "",
];
const wholes = [
  '"Tea is all there is."',
  "MY ANSWER IS YES. BOIL THE WATER AND THEN ADD THE TEA TO IT.",
  "the water is boiled and then the tea is added to it, of course.",
  '{"tea": true}',
  "a cup ****** another cup",
  "Why tea? Because I say so.",
  "Zuerst kocht man das Wasser, dann gibt man den Tee dazu und wartet fünf Minuten.",
  "On fait bouillir l'eau, puis on ajoute le thé et on attend cinq minutes avant de servir.",
  "Primero se hierve el agua, luego se añade el té y se espera cinco minutos antes de servir.",
  "Сначала кипятят воду, потом добавляют чай и ждут пять минут.",
  "पहले पानी उबालें, फिर चाय डालें और पाँच मिनट प्रतीक्षा करें।",
  "まずお湯を沸かして、それからお茶を入れて五分待ちます。",
  "Najpierw gotuje się wodę, potem dodaje się herbatę i czeka się pięć minut.",
  "Ensin keitetään vesi, sitten lisätään tee ja odotetaan viisi minuuttia.",
];
/** Which language a few words are in, detectors guess, and each its own way. */
const isOfLanguage = (id: IfevalId) => /language|english/.test(id);
const draw = (id: IfevalId): string => {
  if (isOfLanguage(id) || random() < 0.4) return pick(wholes);
  const paragraph = () => (random() < 0.4 ? pick(blocks) : several(sentences, 3).join(" "));
  return Array.from({ length: 1 + below(5) }, paragraph).join(pick(["\n", "\n\n", " "]));
};

const relation = () => pick(["less than", "at least"]);
const parameters: Record<IfevalId, () => object> = {
  "keywords:existence": () => ({ keywords: several(["tea", "Cup", "water", "answer"], 2) }),
  "keywords:frequency": () => ({
    keyword: pick(["tea", "the"]),
    frequency: 1 + below(4),
    relation: relation(),
  }),
  "keywords:forbidden_words": () => ({ forbidden_words: several(["tea", "it", "Section", "over"], 3) }),
  "keywords:letter_frequency": () => ({
    letter: pick(["e", "T", "q"]),
    let_frequency: 1 + below(12),
    let_relation: relation(),
  }),
  "language:response_language": () => ({
    language: pick(["en", "de", "fr", "es", "ru", "hi", "ja", "pl", "fi"]),
  }),
  "length_constraints:number_sentences": () => ({ num_sentences: 1 + below(6), relation: relation() }),
  "length_constraints:number_paragraphs": () => ({ num_paragraphs: 1 + below(3) }),
  "length_constraints:number_words": () => ({ num_words: 1 + below(40), relation: relation() }),
  "length_constraints:nth_paragraph_first_word": () => ({
    num_paragraphs: 2 + below(2),
    nth_paragraph: 1 + below(2),
    first_word: pick(["first", "it", "is", "the", "she"]),
  }),
  "detectable_content:number_placeholders": () => ({ num_placeholders: 1 + below(4) }),
  "detectable_content:postscript": () => ({ postscript_marker: pick(["P.S.", "P.P.S"]) }),
  "detectable_format:number_bullet_lists": () => ({ num_bullets: 1 + below(4) }),
  "detectable_format:constrained_response": () => ({}),
  "detectable_format:number_highlighted_sections": () => ({ num_highlights: 1 + below(3) }),
  "detectable_format:multiple_sections": () => ({
    section_spliter: pick(["Section", "SECTION"]),
    num_sections: 1 + below(2),
  }),
  "detectable_format:json_format": () => ({}),
  "detectable_format:title": () => ({}),
  "combination:two_responses": () => ({}),
  "combination:repeat_prompt": () => ({ prompt_to_repeat: pick(["Why tea?", "first one boils"]) }),
  "startend:end_checker": () => ({ end_phrase: pick(["Any other questions?", "my answer is maybe."]) }),
  "startend:quotation": () => ({}),
  "change_case:capital_word_frequency": () => ({
    capital_frequency: 1 + below(5),
    capital_relation: relation(),
  }),
  "change_case:english_capital": () => ({}),
  "change_case:english_lowercase": () => ({}),
  "punctuation:no_comma": () => ({}),
};

const each = 160;
const ids = Object.keys(ifevalInstructions) as IfevalId[];
const cases = ids.flatMap((id) =>
  Array.from({ length: each }, () => ({
    instruction: { id, ...parameters[id]() } as Instruction,
    text: draw(id),
  })),
);

describe.skipIf(!hasChecker)("as the published checker judges", () => {
  const script = fileURLToPath(new URL("ifeval.py", import.meta.url));
  const { stdout, stderr } = hasChecker
    ? spawnSync(python, [script], { input: JSON.stringify(cases), encoding: "utf8", maxBuffer: 2 ** 26 })
    : { stdout: "[]", stderr: "" };
  if (stdout === "") throw new Error(`The script failed: ${stderr}`);
  const theirs = JSON.parse(stdout) as [strict: boolean, loose: boolean][];

  test.each(ids)("%s, strictly and loosely", (id) => {
    const own = cases.flatMap((one, i) =>
      one.instruction.id === id ? [{ ...one, theirs: theirs[i]! }] : [],
    );
    const differing = own.filter(
      ({ instruction, text, theirs: [strict, loose] }) =>
        follows(text, instruction) !== strict || followsLoosely(text, instruction) !== loose,
    );
    expect(differing).toEqual([]);
    // Both verdicts come up, or nothing was compared.
    expect(new Set(own.map(({ theirs: [strict] }) => strict)).size).toBe(2);
  });
});
