/** Merges that are possible, the one of the lowest rank first, of equal ranks the leftmost. */
export class MergeQueue {
  /** A heap of rank (below 2²²) and place (below 2³¹), both in one number. */
  private readonly keys: number[] = [];

  push(rank: number, at: number): void {
    const keys = this.keys;
    const key = rank * places + at;
    let child = keys.push(key) - 1;
    while (child > 0) {
      const parent = (child - 1) >> 1;
      if (keys[parent]! <= key) break;
      keys[child] = keys[parent]!;
      child = parent;
    }
    keys[child] = key;
  }

  pop(): { readonly rank: number; readonly at: number } | undefined {
    const keys = this.keys;
    const top = keys[0];
    const last = keys.pop();
    if (top === undefined || last === undefined) return undefined;
    if (keys.length > 0) this.sink(last);
    return { rank: Math.floor(top / places), at: top % places };
  }

  /** Puts a key where the top was, below all that are smaller. */
  private sink(key: number): void {
    const keys = this.keys;
    let parent = 0;
    for (;;) {
      let child = 2 * parent + 1;
      if (child >= keys.length) break;
      if (child + 1 < keys.length && keys[child + 1]! < keys[child]!) child++;
      if (keys[child]! >= key) break;
      keys[parent] = keys[child]!;
      parent = child;
    }
    keys[parent] = key;
  }
}

const places = 2 ** 31;
