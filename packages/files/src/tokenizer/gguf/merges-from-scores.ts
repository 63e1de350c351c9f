import type { Merges } from "../encode/pair-ranks.js";
import { type Steps, sizeOfStep } from "../encode/steps.js";
import { badTokenizer } from "../expect-json.js";
import { mostMerges } from "../json/tokenizer-json.js";
import type { GgufPieces } from "./gguf-roles.js";

/** A way to split a piece. */
interface Split {
  readonly left: number;
  readonly right: number;
  readonly merged: number;
}

/** SentencePiece makes none longer than 16 unless it is told to. */
const longestPiece = 512;

/**
 * The merges of a SentencePiece BPE model, which stores a score per piece instead: whenever two neighbours join
 * to a piece, the piece of the highest score comes first. Among the ways to split one piece (and equal scores)
 * the lower ids come first, as in Hugging Face's conversion.
 *
 * @param scores of each id; NaN where merging may not reach its piece
 * @throws FilesError `bad-tokenizer`
 */
export function* mergesFromScores(vocabulary: GgufPieces, scores: Float64Array): Steps<Merges> {
  const reached = [...vocabulary.pieces.keys()].filter((id) => !Number.isNaN(scores[id]));
  yield;
  reached.sort((one, other) => scores[other]! - scores[one]!);
  const merges: Split[] = [];
  let ofScore: Split[] = [];
  for (const [i, id] of reached.entries()) {
    addSplits(id, vocabulary, scores, ofScore);
    if (merges.length + ofScore.length > mostMerges) throw tooMany();
    if (scores[reached[i + 1]!] !== scores[id]) {
      for (const split of ofScore.sort(byIds)) merges.push(split);
      ofScore = [];
    }
    if (i % sizeOfStep === sizeOfStep - 1) yield;
  }
  yield;
  return inColumns(merges);
}

function inColumns(splits: readonly Split[]): Merges {
  const { length } = splits;
  const columns = {
    left: new Int32Array(length),
    right: new Int32Array(length),
    merged: new Int32Array(length),
  };
  for (const [rank, { left, right, merged }] of splits.entries()) {
    columns.left[rank] = left;
    columns.right[rank] = right;
    columns.merged[rank] = merged;
  }
  return columns;
}

/** Adds the ways to split a piece into two that merging reaches. */
function addSplits(merged: number, { pieces, ids }: GgufPieces, scores: Float64Array, splits: Split[]): void {
  const piece = pieces[merged]!;
  if (piece.length > longestPiece)
    throw badTokenizer("a piece with a score", `at most ${longestPiece} characters`, piece.length);
  for (let at = widthAt(piece, 0); at < piece.length; at += widthAt(piece, at)) {
    const left = ids.get(piece.slice(0, at));
    if (left === undefined || Number.isNaN(scores[left])) continue;
    const right = ids.get(piece.slice(at));
    if (right !== undefined && !Number.isNaN(scores[right])) splits.push({ left, right, merged });
  }
}

const byIds = (one: Split, other: Split) => one.left - other.left || one.right - other.right;

function tooMany() {
  const most = `at most ${mostMerges.toLocaleString("en")} merges`;
  return badTokenizer("the pieces with scores", most, "more");
}

/** UTF-16 units of the character there. */
function widthAt(piece: string, at: number): number {
  return piece.codePointAt(at)! > 0xffff ? 2 : 1;
}
