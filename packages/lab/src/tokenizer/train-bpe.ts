/**
 * Byte-level byte pair encoding (Sennrich et al., arXiv 1508.07909; over bytes as in GPT-2): the pair of neighbouring
 * pieces that is most frequent in the words of a text becomes a piece, again and again. Deterministic: equally
 * frequent pairs go by their spelling.
 */

import type { Pause } from "../train/pause.js";

/** A piece and the next one that are to be joined. Bytes are written as the byte-level alphabet has them. */
export type Merge = readonly [left: string, right: string];

/** A word as pieces, and how often it occurs. */
interface Word {
  pieces: string[];
  readonly count: number;
}

/**
 * @param words how often each word occurs, in the byte-level alphabet
 * @param mergeCount how many to learn at most; fewer where no pair is left that occurs twice
 * @param pause awaited between two merges
 */
export async function learnMerges(
  words: ReadonlyMap<string, number>,
  mergeCount: number,
  pause: Pause,
): Promise<Merge[]> {
  const spelled: Word[] = [...words].map(([word, count]) => ({ pieces: [...word], count }));
  const merges: Merge[] = [];
  while (merges.length < mergeCount) {
    await pause();
    const best = mostFrequentPair(spelled);
    if (!best) break;
    merges.push(best);
    for (const word of spelled) word.pieces = join(word.pieces, best);
  }
  return merges;
}

/** No piece holds the separator: it is a control character, which the byte-level alphabet spells otherwise. */
const separator = "\u0000";

function mostFrequentPair(words: readonly Word[]): Merge | undefined {
  const counts = new Map<string, number>();
  for (const { pieces, count } of words) {
    for (let i = 1; i < pieces.length; i++) {
      const pair = pieces[i - 1]! + separator + pieces[i]!;
      counts.set(pair, (counts.get(pair) ?? 0) + count);
    }
  }
  let best: string | undefined;
  let most = 1;
  for (const [pair, count] of counts) {
    if (count > most || (count === most && best !== undefined && pair < best)) [best, most] = [pair, count];
  }
  return best?.split(separator) as unknown as Merge | undefined;
}

function join(pieces: string[], [left, right]: Merge): string[] {
  if (!pieces.includes(left)) return pieces;
  const joined: string[] = [];
  for (let i = 0; i < pieces.length; i++) {
    const isPair = pieces[i] === left && pieces[i + 1] === right;
    joined.push(isPair ? left + right : pieces[i]!);
    if (isPair) i++;
  }
  return joined;
}
