/** Tokens on their way to llama.cpp: arrays in native memory that one call of `llama_decode` reads. */
import type { Koffi, Pointer } from "./koffi.js";
import type { NativeBatch } from "./layouts.js";

/** A token at its place. */
export interface PlacedToken {
  readonly id: number;
  readonly position: number;
  readonly sequence: number;
  /** Whether what may follow it is asked for. */
  readonly isRead: boolean;
}

export class TokenBatch {
  readonly batch: NativeBatch;
  private readonly ids: Int32Array;
  private readonly positions: Int32Array;
  private readonly sequences: Int32Array;
  private readonly outputs: Int8Array;
  private readonly addresses: Pointer[] = [];

  /** @param most how many tokens it can hold */
  constructor(
    private readonly koffi: Koffi,
    most: number,
  ) {
    const [token, pos, n_seq_id, sequences] = [
      this.alloc(4 * most),
      this.alloc(4 * most),
      this.alloc(4 * most),
      this.alloc(4 * most),
    ];
    const [seq_id, logits] = [this.alloc(8 * most), this.alloc(most)];
    this.ids = new Int32Array(koffi.view(token, 4 * most));
    this.positions = new Int32Array(koffi.view(pos, 4 * most));
    this.sequences = new Int32Array(koffi.view(sequences, 4 * most));
    this.outputs = new Int8Array(koffi.view(logits, most));
    // One sequence for each token: the k-th list is the k-th entry.
    new Int32Array(koffi.view(n_seq_id, 4 * most)).fill(1);
    const lists = new BigUint64Array(koffi.view(seq_id, 8 * most));
    for (let k = 0; k < most; k++) lists[k] = BigInt(sequences!) + BigInt(4 * k);
    this.batch = { n_tokens: 0, token, embd: null, pos, n_seq_id, seq_id, logits };
  }

  fill(tokens: readonly PlacedToken[]): NativeBatch {
    for (const [k, { id, position, sequence, isRead }] of tokens.entries()) {
      this.ids[k] = id;
      this.positions[k] = position;
      this.sequences[k] = sequence;
      this.outputs[k] = isRead ? 1 : 0;
    }
    return { ...this.batch, n_tokens: tokens.length };
  }

  free(): void {
    for (const address of this.addresses) this.koffi.free(address);
  }

  private alloc(bytes: number): Pointer {
    const address = this.koffi.alloc("uint8", bytes);
    this.addresses.push(address);
    return address;
  }
}
