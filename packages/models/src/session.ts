import "@amulet-ts/core/disposal";
import { describeValue, type Session, type TokenRow } from "@amulet-ts/core";
import type { Tensor2D } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import { ModelError } from "./errors.js";
import type { FamilyConfig, ForwardPass } from "./family.js";
import { holdToo, letGo } from "./layers/holding.js";
import { emptyCache, type RowCache, truncateCache } from "./layers/kv-cache.js";
import { tidy } from "./layers/tidy.js";
import { type HeldRows, OpenSessions } from "./open-sessions.js";

/**
 * A session of core's whose steps are TensorFlow.js' own and done when the call returns: for laws that run in one tidy,
 * and for whoever wants tensors without waiting. Rows, results and errors are those of core's `Session`.
 */
export interface TensorSession {
  /** Number of tokens each row holds; its length is B. */
  readonly lengths: readonly number[];
  /** @returns the logits that follow the last token of each row, `[B, V]`; the caller's */
  append(tokens: readonly TokenRow[]): Tensor2D;
  /** @returns the logits after every appended token, one `[T_b, V]` tensor per row; the caller's */
  appendAll(tokens: readonly TokenRow[]): Tensor2D[];
  select(rows: readonly number[]): void;
  rewind(lengths: readonly number[]): void;
  /** Another session with these rows as they are now. It shares what is cached, and is disposed of by itself. */
  fork(rows: readonly number[]): TensorSession;
  /** Adds the rows of another session of the same model behind its own; that one stays as it is. */
  include(other: TensorSession): void;
  dispose(): void;
  [Symbol.dispose](): void;
}

/**
 * Opens a session of `rowCount` empty rows over any family's forward pass.
 *
 * @param open where a model keeps its sessions, so that they go with it; one that is forgotten goes in any case
 */
export function openTensorSession(
  pass: ForwardPass,
  config: FamilyConfig,
  rowCount: number,
  open = new OpenSessions(),
): TensorSession {
  return new CachedSession(pass, config, rowCount, open);
}

/** The same as core knows it. A step is one call that nothing interrupts: its signal is heard between two of them. */
export function toPortSession(session: TensorSession): Session {
  return new PortSession(session);
}

class PortSession implements Session {
  constructor(private readonly tensors: TensorSession) {}

  get lengths(): readonly number[] {
    return this.tensors.lengths;
  }

  async append(tokens: readonly TokenRow[]) {
    return { logits_RC: this.tensors.append(tokens) };
  }

  async appendAll(tokens: readonly TokenRow[]) {
    return this.tensors.appendAll(tokens).map((logits_RC) => ({ logits_RC }));
  }

  async select(rows: readonly number[]) {
    this.tensors.select(rows);
  }

  async rewind(lengths: readonly number[]) {
    this.tensors.rewind(lengths);
  }

  async fork(rows: readonly number[]) {
    return new PortSession(this.tensors.fork(rows));
  }

  async include(other: Session) {
    if (!(other instanceof PortSession)) throw notOfThisModel();
    this.tensors.include(other.tensors);
  }

  async dispose() {
    this.tensors.dispose();
  }
}

class CachedSession implements TensorSession {
  private readonly held: HeldRows;

  constructor(
    private readonly pass: ForwardPass,
    private readonly config: FamilyConfig,
    rowCount: number,
    private readonly open: OpenSessions,
  ) {
    checkPass(pass, config);
    if (!isCount(rowCount))
      throw new ModelError(
        "bad-request",
        "A session has a whole number of rows, from 0 up; what came is none.",
      );
    this.held = open.hold(this);
    this.held.caches = Array.from({ length: rowCount }, () => emptyCache(config.blockCount));
  }

  private get caches(): readonly RowCache[] {
    return this.held.caches;
  }

  get lengths(): readonly number[] {
    return this.caches.map(({ length }) => length);
  }

  append(tokens: readonly TokenRow[]): Tensor2D {
    return this.extend(tokens, (states_ND) => this.pass.head(lastOfEachRow(states_ND, tokens)));
  }

  appendAll(tokens: readonly TokenRow[]): Tensor2D[] {
    return this.extend(tokens, (states_ND) => {
      const lengths = tokens.map((row) => row.length);
      return tf.split(this.pass.head(states_ND), lengths) as Tensor2D[];
    });
  }

  select(rows: readonly number[]): void {
    // A fork holds the same tensors: they go when no row holds them any more.
    this.held.replace(this.chosen(rows));
  }

  rewind(lengths: readonly number[]): void {
    checkList(lengths, "lengths");
    this.checkRowCount(lengths.length, "lengths");
    for (const [b, cache] of this.caches.entries()) checkLength(lengths[b]!, cache, b);
    const shorten = (cache: RowCache, b: number) =>
      lengths[b] === cache.length ? cache : truncateCache(cache, lengths[b]!);
    // What fails midway leaves nothing of what it had made.
    this.held.replace(tidy(() => this.caches.map(shorten)));
  }

  fork(rows: readonly number[]): TensorSession {
    const chosen = this.chosen(rows);
    const fork = new CachedSession(this.pass, this.config, 0, this.open);
    holdToo(chosen);
    fork.held.caches = chosen;
    return fork;
  }

  include(other: TensorSession): void {
    if (!(other instanceof CachedSession) || other.pass !== this.pass) throw notOfThisModel();
    this.open.refuseIfClosed();
    holdToo(other.caches, this.caches);
    this.held.caches = [...this.caches, ...other.caches];
  }

  dispose(): void {
    this.open.free(this.held);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** The session takes the tokens once their logits are there: a pass that fails leaves it as it was. */
  private extend<Logits extends Tensor2D | Tensor2D[]>(
    tokens: readonly TokenRow[],
    readOut: (states_ND: Tensor2D) => Logits,
  ): Logits {
    this.checkTokens(tokens);
    const batch = { ids_N: Int32Array.from(tokens.flat()), lengths: tokens.map((row) => row.length) };
    const { states_ND, caches } = this.pass.forward(batch, this.caches);
    try {
      const logits = tf.tidy(() => readOut(states_ND));
      this.held.replace(caches);
      return logits;
    } catch (error) {
      letGo(caches, this.caches);
      throw error;
    } finally {
      states_ND.dispose();
    }
  }

  private chosen(rows: readonly number[]): readonly RowCache[] {
    this.open.refuseIfClosed();
    checkList(rows, "rows to select");
    for (const row of rows) this.checkRow(row);
    return rows.map((row) => this.caches[row]!);
  }

  private checkTokens(tokens: readonly TokenRow[]): void {
    checkList(tokens, "token rows");
    this.checkRowCount(tokens.length, "token rows");
    if (tokens.length === 0)
      throw new ModelError(
        "bad-request",
        "This session has no rows, so that no token can be read: open one with rows, or include another's.",
      );
    for (const [b, row] of tokens.entries()) {
      checkList(row, `tokens of row ${b}`);
      if (row.length === 0)
        throw new ModelError("bad-token", `Row ${b} got no token: every row needs at least one.`);
      const { vocabularySize, contextLength } = this.config;
      // By its place, as what is there may be `undefined`.
      const bad = row.findIndex((id) => !Number.isInteger(id) || id < 0 || id >= vocabularySize);
      if (bad >= 0) {
        throw new ModelError(
          "bad-token",
          `Row ${b} got the token id ${describeValue(row[bad])}; ids go from 0 to ${vocabularySize - 1}.`,
        );
      }
      const length = this.caches[b]!.length + row.length;
      if (length > contextLength) {
        throw new ModelError(
          "context-overflow",
          `Row ${b} would hold ${length} tokens; the model reads at most ${contextLength}.`,
        );
      }
    }
  }

  private checkRowCount(came: number, what: string): void {
    this.open.refuseIfClosed();
    if (came === this.caches.length) return;
    throw new ModelError("bad-token", `This session has ${this.caches.length} rows and got ${came} ${what}.`);
  }

  private checkRow(row: number): void {
    if (isCount(row) && row < this.caches.length) return;
    throw new ModelError(
      "bad-token",
      `There is no row ${describeValue(row)}: this session has ${this.caches.length > 0 ? `rows 0 to ${this.caches.length - 1}` : "none"}.`,
    );
  }
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) < 2 ** 32;
}

function checkList(value: unknown, what: string): void {
  if (!Array.isArray(value))
    throw new ModelError(
      "bad-token",
      `A list of ${what} was expected; what came is ${describeValue(value)}.`,
    );
}

function checkPass(pass: ForwardPass, config: FamilyConfig): void {
  const isPass = typeof pass?.forward === "function" && typeof pass.head === "function";
  const sizes = [config?.vocabularySize, config?.contextLength, config?.blockCount];
  if (isPass && sizes.every(isCount)) return;
  throw new ModelError(
    "bad-request",
    "A session needs a forward pass and its config, with vocabularySize, contextLength and blockCount; what came is none.",
  );
}

function checkLength(length: number, cache: RowCache, row: number): void {
  if (Number.isInteger(length) && length >= 0 && length <= cache.length) return;
  throw new ModelError(
    "bad-token",
    `Row ${row} holds ${cache.length} tokens and can't be rewound to ${describeValue(length)}.`,
  );
}

function notOfThisModel(): ModelError {
  return new ModelError(
    "bad-request",
    "A session includes the rows of another session of the same model; what came is none.",
  );
}

/** `[N, D]` → `[B, D]`. */
function lastOfEachRow(states_ND: Tensor2D, tokens: readonly TokenRow[]): Tensor2D {
  if (tokens.length === states_ND.shape[0]) return states_ND;
  let end = 0;
  const last_B = tokens.map((row) => {
    end += row.length;
    return end - 1;
  });
  return tf.gather(states_ND, tf.tensor1d(last_B, "int32"));
}
