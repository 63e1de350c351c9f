/**
 * A context of llama.cpp: the memory of a session's rows, as sequences of one cache, which grows. Rows that share a
 * beginning share its cells.
 */
import { EngineError } from "../errors.js";
import { later } from "./native/functions.js";
import type { Pointer } from "./native/koffi.js";
import type { NativeBatch } from "./native/layouts.js";
import type { Llama } from "./native/library.js";
import { StopFlag } from "./native/stop-flag.js";
import type { ThreadPool } from "./native/thread-pool.js";
import { type PlacedToken, TokenBatch } from "./native/token-batch.js";
import type { ThreadCount } from "./threads.js";

/** Most sequences that a cache of llama.cpp tells apart. */
export const mostSequences = 256;

/** Most tokens of one call, and of one pass over the weights. */
const [batchTokens, passTokens] = [2048, 512];

/** Positions whose logits one call gives: they lie in memory side by side. */
const leastOutputs = 64;

/** Cells of a cache at its beginning; it doubles where they are too few. */
const firstCells = 1024;

export interface LoadedModel {
  readonly llama: Llama;
  readonly address: Pointer;
  readonly vocabularySize: number;
  readonly threads: ThreadCount;
  readonly pool: ThreadPool;
  /** Whether a card computes. */
  readonly onCard: boolean;
}

/** What ended a call of `llama_decode`. */
type Outcome = "done" | "full" | "aborted";

export class Context {
  private readonly batch: TokenBatch;
  private readonly stop: StopFlag;
  private address: Pointer = null;
  private memory: Pointer = null;
  private cells = firstCells;
  /** How many sequences there may be: 0 to this, without it. */
  private sequences = 0;
  /** Of the logits, as they were last looked at. */
  private seen: { readonly address: Pointer; readonly values: Float32Array } | undefined;

  constructor(private readonly model: LoadedModel) {
    this.stop = new StopFlag(model.llama);
    this.batch = new TokenBatch(model.llama.koffi, batchTokens);
  }

  /** Most tokens of one {@link read}: a cache takes no more at once than it has cells. */
  get mostTokens(): number {
    return Math.min(batchTokens, this.cells);
  }

  /** Most of them that are asked for. */
  get mostOutputs(): number {
    return Math.max(leastOutputs, this.sequences);
  }

  /** Makes room for sequences 0 to `count`, at most 256, without it. @throws EngineError `engine-failed` */
  async reserve(count: number): Promise<void> {
    if (count <= this.sequences) return;
    await this.grow(this.cells, Math.min(mostSequences, Math.max(4, 2 ** Math.ceil(Math.log2(count)))));
  }

  /**
   * Reads tokens, all in one call.
   *
   * @param onLogits is given the logits after each token that was asked for, in order: a view that the next call overwrites
   * @throws EngineError `engine-failed`; rows then hold some of the tokens, or none
   */
  async read(
    tokens: readonly PlacedToken[],
    signals: readonly AbortSignal[],
    onLogits: (logits_V: Float32Array) => void,
  ): Promise<Exclude<Outcome, "full">> {
    const batch = this.batch.fill(tokens);
    let outcome = await this.decode(batch, signals);
    while (outcome === "full") {
      await this.grow(2 * this.cells, this.sequences);
      outcome = await this.decode(batch, signals);
    }
    if (outcome === "done") this.passLogits(tokens, onLogits);
    return outcome;
  }

  /** Makes `target`, which is empty, a second name of a sequence's cells. */
  share(source: number, target: number): void {
    if (this.memory !== null)
      this.model.llama.native.llama_memory_seq_cp(this.memory, source, target, -1, -1);
  }

  /** Shortens a sequence to its first `length` tokens. @throws EngineError `engine-failed` */
  cut(sequence: number, length: number): void {
    if (this.memory === null) return;
    if (this.model.llama.native.llama_memory_seq_rm(this.memory, sequence, length, -1)) return;
    throw new EngineError("engine-failed", `llama.cpp could not shorten a row to ${length} tokens.`);
  }

  /** What is cached of a sequence, for {@link restore} in any context of this model. @throws EngineError `engine-failed` */
  async save(sequence: number): Promise<Uint8Array> {
    const { native, turns } = this.model.llama;
    return turns.take(async () => {
      const size = Number(native.llama_state_seq_get_size(this.address, sequence));
      const bytes = new Uint8Array(size);
      const written = await later(native.llama_state_seq_get_data, this.address, bytes, size, sequence);
      if (Number(written) === size) return bytes;
      throw new EngineError("engine-failed", "llama.cpp could not save a row for later.");
    });
  }

  /**
   * Fills a sequence, which is empty, with `length` tokens that were saved.
   *
   * @throws EngineError `engine-failed`; the sequence is empty then
   */
  async restore(sequence: number, bytes: Uint8Array, length: number): Promise<void> {
    // So many more are free in a cache that is carried over, side by side.
    const enough = this.cells + length;
    while (!(await this.load(sequence, bytes))) {
      if (this.cells >= enough)
        throw new EngineError("engine-failed", "llama.cpp could not take back a row that was saved.");
      await this.grow(2 * this.cells, this.sequences);
    }
  }

  free(): void {
    this.freeNative();
    this.batch.free();
    this.stop.free();
  }

  private async load(sequence: number, bytes: Uint8Array): Promise<boolean> {
    const { native, turns } = this.model.llama;
    const set = native.llama_state_seq_set_data;
    const read = await turns.take(() => later(set, this.address, bytes, bytes.length, sequence));
    return Number(read) === bytes.length;
  }

  private async decode(batch: NativeBatch, signals: readonly AbortSignal[]): Promise<Outcome> {
    const { llama, threads } = this.model;
    const onAbort = () => this.stop.raise();
    return llama.turns.take(async () => {
      if (signals.some(({ aborted }) => aborted)) return "aborted";
      this.stop.lower();
      for (const signal of signals) signal.addEventListener("abort", onAbort);
      try {
        return await threads.watch(() => this.compute(batch));
      } finally {
        for (const signal of signals) signal.removeEventListener("abort", onAbort);
      }
    });
  }

  private async compute(batch: NativeBatch): Promise<Outcome> {
    const {
      llama: { native },
      threads: { current },
      onCard,
    } = this.model;
    native.llama_set_n_threads(this.address, current, current);
    const status = await later(native.llama_decode, this.address, batch);
    // A card goes on computing after the call.
    if (onCard) await later(native.llama_synchronize, this.address);
    const outcome = outcomes[status];
    if (outcome) return outcome;
    throw new EngineError(
      "engine-failed",
      `llama.cpp could not read these tokens (status ${status}); --debug shows its log.`,
    );
  }

  private passLogits(tokens: readonly PlacedToken[], onLogits: (logits_V: Float32Array) => void): void {
    const { native } = this.model.llama;
    const V = this.model.vocabularySize;
    const outputs = tokens.filter(({ isRead }) => isRead).length;
    if (outputs === 0) return;
    const first = native.llama_get_logits(this.address);
    const values = this.view(first, outputs * V);
    for (const [k, { isRead }] of tokens.entries()) {
      if (!isRead) continue;
      // Passes may have left the rows in another order than that of the tokens.
      const from = Number(BigInt(native.llama_get_logits_ith(this.address, k)!) - BigInt(first!)) / 4;
      onLogits(values.subarray(from, from + V));
    }
  }

  /** A view is an object with a finaliser: memory that was looked at before is looked at through the same one. */
  private view(address: Pointer, length: number): Float32Array {
    if (this.seen?.address === address && this.seen.values.length >= length) return this.seen.values;
    const values = new Float32Array(this.model.llama.koffi.view(address, 4 * length));
    this.seen = { address, values };
    return values;
  }

  /** A larger context with the same rows takes the place of this one. @throws EngineError `engine-failed`, nothing changed */
  private async grow(cells: number, sequences: number): Promise<void> {
    await this.model.llama.turns.take(async () => {
      const address = await this.open(cells, sequences);
      try {
        if (this.address !== null) await this.copyState(address);
      } catch (error) {
        this.model.llama.native.llama_free(address);
        throw error;
      }
      this.freeNative();
      this.address = address;
      this.memory = this.model.llama.native.llama_get_memory(address);
      [this.cells, this.sequences] = [cells, sequences];
    });
  }

  private async open(cells: number, sequences: number): Promise<Pointer> {
    const { llama, address: model, threads, pool, onCard } = this.model;
    const { native } = llama;
    const parameters = {
      ...native.llama_context_default_params(),
      n_ctx: cells,
      n_batch: batchTokens,
      n_ubatch: passTokens,
      n_seq_max: sequences,
      n_outputs_max: Math.max(leastOutputs, sequences),
      n_outputs_max_per_seq: 0,
      n_threads: threads.current,
      n_threads_batch: threads.current,
      // Rows of one cache: a fork costs nothing, and one pass reads all.
      kv_unified: true,
      offload_kqv: onCard,
      op_offload: onCard,
      abort_callback: llama.callbacks.isEmpty,
      abort_callback_data: this.stop.address,
    };
    this.stop.lower();
    const address = await later(native.llama_init_from_model, model, parameters);
    if (address !== null) {
      pool.attachTo(address);
      return address;
    }
    throw new EngineError(
      "engine-failed",
      `llama.cpp found no memory for a cache of ${cells} tokens: take a smaller model, or fewer and shorter rows.`,
    );
  }

  private async copyState(target: Pointer): Promise<void> {
    const { koffi, native } = this.model.llama;
    const size = Number(native.llama_state_get_size(this.address));
    const bytes = koffi.alloc("uint8", size);
    try {
      const written = await later(native.llama_state_get_data, this.address, bytes, size);
      const read = await later(native.llama_state_set_data, target, bytes, written);
      if (Number(read) === 0 || read !== written) {
        throw new EngineError("engine-failed", "llama.cpp could not carry the rows over to a larger cache.");
      }
    } finally {
      koffi.free(bytes);
    }
  }

  private freeNative(): void {
    if (this.address !== null) this.model.llama.native.llama_free(this.address);
    [this.address, this.memory, this.seen] = [null, null, undefined];
  }
}

/** What `llama_decode` returns; anything else is an error. */
const outcomes: Readonly<Record<number, Outcome>> = { 0: "done", 1: "full", 2: "aborted" };
