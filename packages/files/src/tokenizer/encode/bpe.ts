import { FilesError } from "../../errors.js";
import { MergeQueue } from "./merge-queue.js";
import { type Merges, PairRanks } from "./pair-ranks.js";
import { finish, type Steps, sizeOfStep } from "./steps.js";

export interface BpeModel {
  /** The id of a piece, where it is one that a text can become. */
  readonly idOf: (piece: string) => number | undefined;
  readonly merges: Merges;
  /** For characters that the vocabulary lacks: none, then they are dropped; undefined, then they are an error. */
  readonly unknownId: number | null | undefined;
  readonly fuseUnknown: boolean;
  readonly byteFallback: boolean;
  /** A word that is a piece is taken whole, whatever the merges say (Llama 3). */
  readonly ignoreMerges: boolean;
}

const utf8 = new TextEncoder();
const cachedWords = 10_000;
const cachedLength = 256;

/** Byte-pair encoding: of the pairs in a word the earliest merge comes first, of equal ones the leftmost. */
export class Bpe {
  private readonly ranks: PairRanks;
  private readonly byteIds: readonly (number | undefined)[];
  private readonly cache = new Map<string, readonly number[]>();

  constructor(readonly model: BpeModel) {
    this.ranks = new PairRanks(model.merges);
    this.byteIds = Array.from({ length: 256 }, (_, byte) => model.idOf(bytePiece(byte)));
  }

  /** @throws FilesError `bad-tokenizer` for a character that has no token where none stands for the unknown */
  encode(word: string): readonly number[] {
    if (word.length > cachedLength) return finish(this.encodeSteps(word));
    const known = this.cache.get(word);
    if (known) return known;
    if (this.cache.size >= cachedWords) this.cache.clear();
    const ids = finish(this.encodeSteps(word));
    this.cache.set(word, ids);
    return ids;
  }

  /** The same for a word that may be as long as a text. */
  *encodeSteps(word: string): Steps<readonly number[]> {
    const whole = this.model.ignoreMerges ? this.model.idOf(word) : undefined;
    return whole === undefined ? yield* this.merge(yield* this.characterIds(word)) : [whole];
  }

  private *characterIds(word: string): Steps<number[]> {
    const ids: number[] = [];
    let afterUnknown = false;
    let read = 0;
    for (const character of word) {
      if (++read % sizeOfStep === 0) yield;
      const known = this.idsOf(character);
      const isUnknown = known === undefined;
      const fused = isUnknown && afterUnknown && this.model.fuseUnknown;
      if (known) ids.push(...known);
      else if (!fused) ids.push(...this.unknown(character));
      afterUnknown = isUnknown;
    }
    return ids;
  }

  private idsOf(character: string): readonly number[] | undefined {
    const id = this.model.idOf(character);
    if (id !== undefined) return [id];
    if (!this.model.byteFallback) return undefined;
    const ids = Array.from(utf8.encode(character), (byte) => this.byteIds[byte]);
    return ids.every((byteId) => byteId !== undefined) ? ids : undefined;
  }

  private unknown(character: string): readonly number[] {
    const { unknownId } = this.model;
    if (unknownId === null) return [];
    if (unknownId !== undefined) return [unknownId];
    throw new FilesError(
      "bad-tokenizer",
      `The vocabulary has no token for ${JSON.stringify(character)}, nor the one that its unk_token names for the unknown.`,
    );
  }

  private *merge(ids: number[]): Steps<readonly number[]> {
    if (ids.length < 2) return ids;
    const { merged } = this.model.merges;
    const [next, previous] = [new Int32Array(ids.length), new Int32Array(ids.length)];
    const queue = new MergeQueue();
    const offer = (at: number) => {
      const rank = at < 0 || next[at]! >= ids.length ? undefined : this.ranks.get(ids[at]!, ids[next[at]!]!);
      if (rank !== undefined) queue.push(rank, at);
    };
    for (let at = 0; at < ids.length; at++) [next[at], previous[at]] = [at + 1, at - 1];
    for (let at = 0; at + 1 < ids.length; at++) {
      if (at % sizeOfStep === sizeOfStep - 1) yield;
      offer(at);
    }
    let popped = 0;
    for (let top = queue.pop(); top; top = queue.pop()) {
      if (++popped % sizeOfStep === 0) yield;
      const { rank, at } = top;
      const right = next[at]!;
      // The pair may be gone since it was offered.
      if (ids[at] === gone || right >= ids.length || this.ranks.get(ids[at]!, ids[right]!) !== rank) continue;
      ids[at] = merged[rank]!;
      ids[right] = gone;
      next[at] = next[right]!;
      if (next[at]! < ids.length) previous[next[at]!] = at;
      offer(previous[at]!);
      offer(at);
    }
    return ids.filter((id) => id !== gone);
  }
}

const gone = -1;

function bytePiece(byte: number): string {
  return `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`;
}
