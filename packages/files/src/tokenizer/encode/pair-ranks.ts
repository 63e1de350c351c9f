/** Pairs of ids and what they become, the first to be merged first. */
export interface Merges {
  readonly left: Int32Array;
  readonly right: Int32Array;
  readonly merged: Int32Array;
}

/** The rank of every pair that merges; of a pair that is there twice, the later one. */
export class PairRanks {
  /** Ranks from 1, each where its pair's hash points or in the next free place behind; 0 is free. At most half are taken. */
  private readonly table: Int32Array;
  private readonly shift: number;
  /** Drawn anew each time, so that no file can be made of pairs that all point to one place. */
  private readonly factors = [oddNumber(), oddNumber()] as const;

  constructor(private readonly merges: Merges) {
    const bits = Math.max(4, Math.ceil(Math.log2(2 * merges.left.length + 1)));
    this.shift = 32 - bits;
    this.table = new Int32Array(2 ** bits);
    for (let rank = 0; rank < merges.left.length; rank++)
      this.table[this.placeOf(merges.left[rank]!, merges.right[rank]!)] = rank + 1;
  }

  get(left: number, right: number): number | undefined {
    const found = this.table[this.placeOf(left, right)]!;
    return found === 0 ? undefined : found - 1;
  }

  /** Where the pair is, or would be. */
  private placeOf(left: number, right: number): number {
    const { left: lefts, right: rights } = this.merges;
    const mixed = Math.imul(left, this.factors[0]) + Math.imul(right, this.factors[1]);
    // The upper bits of a product are those that all of a factor's reach.
    let place = Math.imul(mixed ^ (mixed >>> 15), this.factors[0]) >>> this.shift;
    for (let found = this.table[place]!; found !== 0; found = this.table[place]!) {
      if (lefts[found - 1] === left && rights[found - 1] === right) break;
      place = (place + 1) & (this.table.length - 1);
    }
    return place;
  }
}

function oddNumber(): number {
  return Math.floor(Math.random() * 2 ** 31) * 2 + 1;
}
