import type { Merges } from "../encode/bpe.js";
import { badTokenizer } from "../expect-json.js";
import { mostMerges } from "../json/tokenizer-json.js";

/** A merge with what decides when it is done. */
interface ScoredMerge {
  readonly score: number;
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
 * @throws FilesError `bad-tokenizer`
 */
export function mergesFromScores(
  scores: ReadonlyMap<string, number>,
  ids: ReadonlyMap<string, number>,
): Merges {
  const merges: ScoredMerge[] = [];
  for (const [piece, score] of scores) {
    if (piece.length > longestPiece)
      throw badTokenizer("a piece with a score", `at most ${longestPiece} characters`, piece.length);
    for (let at = widthAt(piece, 0); at < piece.length; at += widthAt(piece, at)) {
      const left = piece.slice(0, at);
      if (!scores.has(left)) continue;
      const right = piece.slice(at);
      if (scores.has(right))
        merges.push({ score, left: ids.get(left)!, right: ids.get(right)!, merged: ids.get(piece)! });
    }
    if (merges.length > mostMerges)
      throw badTokenizer(
        "the pieces with scores",
        `at most ${mostMerges.toLocaleString("en")} merges`,
        "more",
      );
  }
  merges.sort((a, b) => b.score - a.score || a.left - b.left || a.right - b.right);
  return {
    left: Int32Array.from(merges, (merge) => merge.left),
    right: Int32Array.from(merges, (merge) => merge.right),
    merged: Int32Array.from(merges, (merge) => merge.merged),
  };
}

/** UTF-16 units of the character there. */
function widthAt(piece: string, at: number): number {
  return piece.codePointAt(at)! > 0xffff ? 2 : 1;
}
