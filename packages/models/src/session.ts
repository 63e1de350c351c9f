import type { Session, TokenRow } from "@amulet-ts/core";
import type { Tensor2D } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import { ModelError } from "./errors.js";
import type { FamilyConfig, ForwardPass } from "./family.js";
import { cacheTensors, emptyCache, forkCache, type RowCache, truncateCache } from "./kv-cache.js";

/** Opens a session of `rowCount` empty rows over any family's forward pass. */
export function openSession(pass: ForwardPass, config: FamilyConfig, rowCount: number): Session {
  return new CachedSession(pass, config, rowCount);
}

class CachedSession implements Session {
  // A plain array: the caches outlive every tidy, since nothing here is made inside one that does not return it.
  private caches: readonly RowCache[];

  constructor(
    private readonly pass: ForwardPass,
    private readonly config: FamilyConfig,
    rowCount: number,
  ) {
    this.caches = Array.from({ length: rowCount }, () => emptyCache(config.blockCount));
  }

  get lengths(): readonly number[] {
    return this.caches.map(({ length }) => length);
  }

  append(tokens: readonly TokenRow[]): Tensor2D {
    const states_ND = this.extend(tokens);
    const logits_BV = tf.tidy(() => this.pass.head(lastOfEachRow(states_ND, tokens)));
    states_ND.dispose();
    return logits_BV;
  }

  appendAll(tokens: readonly TokenRow[]): Tensor2D[] {
    const states_ND = this.extend(tokens);
    const lengths = tokens.map((row) => row.length);
    const logits = tf.tidy(() => tf.split(this.pass.head(states_ND), lengths) as Tensor2D[]);
    states_ND.dispose();
    return logits;
  }

  select(rows: readonly number[]): void {
    for (const row of rows) this.checkRow(row);
    const taken = new Set<number>();
    const next = rows.map((row) => {
      const cache = this.caches[row]!;
      if (taken.has(row)) return forkCache(cache);
      taken.add(row);
      return cache;
    });
    this.replaceCaches(next);
  }

  rewind(lengths: readonly number[]): void {
    this.checkRowCount(lengths.length, "lengths");
    const next = this.caches.map((cache, b) => {
      const length = lengths[b]!;
      if (!Number.isInteger(length) || length < 0 || length > cache.length) {
        throw new ModelError(
          "bad-token",
          `Row ${b} holds ${cache.length} tokens and can't be rewound to ${length}.`,
        );
      }
      return length === cache.length ? cache : truncateCache(cache, length);
    });
    this.replaceCaches(next);
  }

  dispose(): void {
    this.replaceCaches([]);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  private extend(tokens: readonly TokenRow[]): Tensor2D {
    this.checkTokens(tokens);
    const batch = { ids_N: Int32Array.from(tokens.flat()), lengths: tokens.map((row) => row.length) };
    const { states_ND, caches } = this.pass.forward(batch, this.caches);
    this.replaceCaches(caches);
    return states_ND;
  }

  /** Takes the new caches and frees the tensors that no row holds any more. */
  private replaceCaches(next: readonly RowCache[]): void {
    const kept = new Set(next.flatMap(cacheTensors));
    for (const tensor of new Set(this.caches.flatMap(cacheTensors))) if (!kept.has(tensor)) tensor.dispose();
    this.caches = next;
  }

  private checkTokens(tokens: readonly TokenRow[]): void {
    this.checkRowCount(tokens.length, "token rows");
    for (const [b, row] of tokens.entries()) {
      if (row.length === 0)
        throw new ModelError("bad-token", `Row ${b} got no token: every row needs at least one.`);
      const { vocabularySize, contextLength } = this.config;
      const bad = row.find((id) => !Number.isInteger(id) || id < 0 || id >= vocabularySize);
      if (bad !== undefined) {
        throw new ModelError(
          "bad-token",
          `Row ${b} got the token id ${bad}; ids go from 0 to ${vocabularySize - 1}.`,
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
    if (came === this.caches.length) return;
    throw new ModelError("bad-token", `This session has ${this.caches.length} rows and got ${came} ${what}.`);
  }

  private checkRow(row: number): void {
    if (this.caches[row]) return;
    throw new ModelError(
      "bad-token",
      `There is no row ${row}: this session has rows 0 to ${this.caches.length - 1}.`,
    );
  }
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
