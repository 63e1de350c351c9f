/** Which pairs merge, and in which order: as their definitions say, written apart. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { PairRanks } from "../../src/tokenizer/encode/pair-ranks.js";
import { finish } from "../../src/tokenizer/encode/steps.js";
import { mergesFromScores } from "../../src/tokenizer/gguf/merges-from-scores.js";

test("a pair has the rank of its last merge, and a pair that is none has no rank", () => {
  const id = fc.oneof(fc.nat(6), fc.nat(2 ** 31 - 1));
  const pairs = fc.array(fc.tuple(id, id), { maxLength: 200 });
  fc.assert(
    fc.property(pairs, pairs, (merges, others) => {
      const column = (side: 0 | 1) => Int32Array.from(merges, (pair) => pair[side]);
      const ranks = new PairRanks({ left: column(0), right: column(1), merged: column(0) });
      const expected = new Map(merges.map((pair, rank) => [pair.join(), rank]));
      for (const [left, right] of [...merges, ...others])
        expect(ranks.get(left, right)).toBe(expected.get([left, right].join()));
    }),
  );
});

test("every way to split a piece into two that are reached merges: by score, then by ids", () => {
  const character = fc.constantFrom("a", "𝔘");
  const piece = fc.array(character, { minLength: 1, maxLength: 4 }).map((letters) => letters.join(""));
  const vocabularies = fc.uniqueArray(fc.tuple(piece, fc.constantFrom(0, -1, -2.5, Number.NaN, -1000)), {
    selector: ([name]) => name,
    minLength: 8,
    maxLength: 30,
  });
  fc.assert(
    fc.property(vocabularies, (entries) => {
      const pieces = entries.map(([name]) => name);
      const scores = Float64Array.from(entries, ([, score]) => score);
      const ids = new Map(pieces.map((name, id) => [name, id]));
      const reached = [...pieces.keys()].filter((id) => !Number.isNaN(scores[id]));
      const expected = reached
        .flatMap((left) => reached.map((right) => [left, right, ids.get(pieces[left]! + pieces[right]!)]))
        .filter((merge): merge is [number, number, number] => reached.includes(merge[2] ?? -1))
        .sort((one, other) => scores[other[2]]! - scores[one[2]]! || one[0] - other[0] || one[1] - other[1]);
      const { left, right, merged } = finish(mergesFromScores({ pieces, ids }, scores));
      expect(Array.from(left, (id, rank) => [id, right[rank], merged[rank]])).toEqual(expected);
    }),
  );
});
