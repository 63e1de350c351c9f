/**
 * A row's cache: pages of a few tokens, each with the keys and values of all blocks, in the kernels' memory, or a card's. They are
 * written in place, and shared by forks: a row may append to a page where nobody has appended behind its own end, and
 * takes a copy otherwise. So a row that is n tokens long is not changed by what is written behind n: a step that fails, a
 * fork, a rewind leave it as it was.
 */
import type { Pool } from "../pool/pool.js";

/** Tokens of a page, as a logarithm. */
export const pageShift = 5;
export const tokensOfPage = 2 ** pageShift;

/** Where the pages of a model lie. */
export interface PageStore {
  /** The place of a new page, whatever it holds. */
  allocate(): number;
  /** A page's content to another's place. */
  copy(from: number, to: number): void;
  release(at: number): void;
}

/** Fields are private in JavaScript's sense: TensorFlow.js walks through what a tidy returns. */
export class CachePage {
  readonly #store: PageStore;
  readonly #at: number;
  /** Tokens that were written, by whichever row. */
  #filled = 0;
  #isHeld = true;

  constructor(store: PageStore) {
    this.#store = store;
    this.#at = store.allocate();
  }

  get at(): number {
    return this.#at;
  }

  /** This page, or a copy, for a row that has so many tokens in it and appends more. */
  forAppending(tokens: number): CachePage {
    if (this.#filled === tokens) return this;
    const copy = new CachePage(this.#store);
    this.#store.copy(this.#at, copy.#at);
    copy.#filled = tokens;
    return copy;
  }

  /** Says that tokens up to there are, or are about to be, written. */
  fill(tokens: number): void {
    this.#filled = tokens;
  }

  dispose(): void {
    if (this.#isHeld) this.#store.release(this.#at);
    this.#isHeld = false;
  }
}

export interface CacheShape {
  readonly blockCount: number;
  /** M: the keys, or values, of a token. */
  readonly tokenWidth: number;
}

/** Bytes from one block's keys to the next. */
export function blockBytes({ tokenWidth }: CacheShape): number {
  return 4 * 2 * tokensOfPage * tokenWidth;
}

/** Pages in the kernels' memory. */
export function pagesIn(pool: Pool, shape: CacheShape): PageStore {
  const bytes = shape.blockCount * blockBytes(shape);
  return {
    allocate: () => pool.heap.allocate(bytes),
    copy: (from, to) => {
      pool.heap.bytes.copyWithin(to, from, from + bytes);
    },
    release: (at) => pool.release(at),
  };
}

/**
 * The pages of a row that gets new tokens: those it has, but for the last where that is another's to write, and new ones.
 * On an error none is left that was made.
 */
export function growPages(
  store: PageStore,
  pages: readonly CachePage[],
  length: number,
  newTokens: number,
): CachePage[] {
  // A row that was rewound has pages behind its end.
  const grown = pages.slice(0, Math.ceil(length / tokensOfPage));
  const made: CachePage[] = [];
  try {
    const end = length + newTokens;
    for (let first = length - (length % tokensOfPage); first < end; first += tokensOfPage) {
      const index = first / tokensOfPage;
      const old = grown[index];
      const page = old ? old.forAppending(length - first) : new CachePage(store);
      if (page !== old) made.push(page);
      page.fill(Math.min(tokensOfPage, end - first));
      grown[index] = page;
    }
    return grown;
  } catch (error) {
    for (const page of made) page.dispose();
    throw error;
  }
}
