/** A merge with what decides when it is done. */
interface ScoredMerge {
  readonly pair: readonly [string, string];
  readonly score: number;
  readonly leftId: number;
  readonly rightId: number;
}

/**
 * The merges of a SentencePiece BPE model, which stores a score per piece instead: whenever two neighbours join
 * to a piece, the piece of the highest score comes first. Among the ways to split one piece (and equal scores)
 * the lower ids come first, as in Hugging Face's conversion.
 */
export function mergesFromScores(
  scores: ReadonlyMap<string, number>,
  ids: ReadonlyMap<string, number>,
): (readonly [string, string])[] {
  const merges: ScoredMerge[] = [];
  for (const [piece, score] of scores)
    for (const pair of splitsOf(piece)) {
      const [left, right] = pair;
      if (!scores.has(left) || !scores.has(right)) continue;
      merges.push({ pair, score, leftId: ids.get(left)!, rightId: ids.get(right)! });
    }
  merges.sort((a, b) => b.score - a.score || a.leftId - b.leftId || a.rightId - b.rightId);
  return merges.map((merge) => merge.pair);
}

/** Every way to cut a piece in two between characters. */
function* splitsOf(piece: string): Iterable<readonly [string, string]> {
  let left = "";
  for (const character of piece) {
    if (left !== "") yield [left, piece.slice(left.length)];
    left += character;
  }
}
