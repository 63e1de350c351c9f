/**
 * Two models with the same tokens behind one port, so that an answer can be steered by what a preference changes for
 * another model (docs/algorithm.md, "Δ from another model"). A session of the pair holds rows of both; a row belongs to
 * the model that its first token names, since the second model's prompts are written with ids past the first model's.
 */

import type { Tensor2D } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import { CoreError } from "../errors.js";
import { checkFields, checkGiven, count, model as givenModel, list, listOf } from "../port/given.js";
import { disposeNext } from "../port/log-probabilities.js";
import type { LanguageModel, Next, Session, TokenRow } from "../port/session.js";
import { refuseUnlessWhole } from "./coverage.js";
import { type Prompts, readPreferences } from "./prompts.js";

/** A model that answers, and another one whose Δ it is steered by. */
export interface ModelPair {
  readonly large: LanguageModel;
  readonly small: LanguageModel;
}

/**
 * The pair as one model. Its columns are the large model's. Of tokens that the small one has not, as where a vocabulary
 * is padded, only those that end an answer may come: it could not read the others.
 *
 * @throws CoreError `not-covered` where one of them does not give the whole vocabulary
 */
export function pairModels(pair: ModelPair): LanguageModel {
  checkFields(pair, { large: givenModel, small: givenModel }, "the pair");
  const { large, small } = pair;
  for (const model of [large, small]) refuseUnlessWhole(model, "Δ of another model");
  return {
    name: `${large.name} steered by ${small.name}`,
    vocabularySize: large.vocabularySize + small.vocabularySize,
    contextLength: Math.min(large.contextLength, small.contextLength),
    endTokens: large.endTokens,
    coverage: "whole",
    openSession: (rowCount) => new PairSession([large, small], rowCount),
  };
}

/**
 * Prompts of a pair: the large model reads its base prompt alone, the small one all of its own. As weighted preferences,
 *
 *     log π_1 = log π_large + Σ_k w_k log π_k − Σ_k w_k log π_base − log Z,
 *
 * with π_k and π_base of the small model: {@link transferDelta} where there is one preference of weight 1.
 *
 * @throws CoreError `bad-request`
 */
export function pairPrompts(pair: ModelPair, base: TokenRow, small: Prompts): Prompts {
  checkFields(pair, { large: givenModel }, "the pair");
  checkGiven(base, list, "The base prompt");
  checkFields(small, { base: listOf(count) }, "the small model's prompts");
  const { large } = pair;
  const mark = (tokens: TokenRow) => Array.from(tokens, (id) => id + large.vocabularySize);
  const preferences = readPreferences(small).map(({ tokens, weight }) => {
    checkGiven(tokens, listOf(count), "A preference prompt");
    return { tokens: mark(tokens), weight };
  });
  const total = preferences.reduce((sum, { weight }) => sum + weight, 0);
  return { base, preferences: [...preferences, { tokens: mark(small.base), weight: -total }] };
}

type Side = 0 | 1;

/** A row, and where it is: `place` in the session of the model that it belongs to, if it has begun. */
interface Row {
  readonly length: number;
  readonly at?: { readonly side: Side; readonly place: number };
}

/** Where the rows of one model are in its session. */
function placesOf(rows: readonly Row[], side: Side): number[] {
  return rows.flatMap(({ at }) => (at?.side === side ? [at.place] : []));
}

/** The same rows where these are all that the models' sessions hold. */
function renumber(rows: readonly Row[]): Row[] {
  const next = [0, 0];
  return rows.map(({ length, at }) =>
    at ? { length, at: { side: at.side, place: next[at.side]!++ } } : { length },
  );
}

class PairSession implements Session {
  private rows: readonly Row[];
  private readonly halves: readonly [Half, Half];
  /** Gone as soon as one of the models turns out to have no forks. */
  fork? = (rows: readonly number[]): Promise<Session> => this.forkRows(rows);

  constructor(
    private readonly models: readonly [LanguageModel, LanguageModel],
    rowCount: number,
  ) {
    this.rows = Array.from({ length: rowCount }, () => ({ length: 0 }));
    this.halves = [new Half(models[0]), new Half(models[1])];
  }

  get lengths(): readonly number[] {
    return this.rows.map(({ length }) => length);
  }

  async append(tokens: readonly TokenRow[], signal?: AbortSignal): Promise<Next> {
    await this.settle(tokens);
    const own = tokens.map((row) => row.map((id) => this.ownId(id)));
    const given: (Next | undefined)[] = [];
    try {
      for (const side of [0, 1] as const) given.push(await this.appendTo(side, own, signal));
      const logits_RC = this.join(given);
      this.rows = this.rows.map((row, r) => ({ ...row, length: row.length + own[r]!.length }));
      return { logits_RC };
    } catch (error) {
      await this.ofBoth((half, side) => half.rewind(this.lengthsOf(side, this.lengths))).catch(() => {});
      throw error;
    } finally {
      for (const next of given) if (next) disposeNext(next);
    }
  }

  async select(rows: readonly number[]): Promise<void> {
    const chosen = rows.map((r) => this.rows[r]!);
    for (const side of [0, 1] as const) await this.halves[side].select(placesOf(chosen, side));
    this.rows = renumber(chosen);
  }

  async rewind(lengths: readonly number[]): Promise<void> {
    for (const side of [0, 1] as const) await this.halves[side].rewind(this.lengthsOf(side, lengths));
    this.rows = this.rows.map((row, r) => ({ ...row, length: lengths[r]! }));
  }

  async include(other: Session): Promise<void> {
    if (!(other instanceof PairSession) || other.models.some((model, side) => model !== this.models[side]))
      throw new CoreError("bad-request", "A session takes in rows of its own pair of models only.");
    const before = this.halves.map((half) => half.rowCount);
    try {
      for (const side of [0, 1] as const) await this.halves[side].include(other.halves[side]);
    } catch (error) {
      await this.ofBoth((half, side) => half.select([...Array(before[side]).keys()])).catch(() => {});
      throw error;
    }
    const added = other.rows.map(({ length, at }) =>
      at ? { length, at: { side: at.side, place: before[at.side]! + at.place } } : { length },
    );
    this.rows = [...this.rows, ...added];
  }

  async dispose(): Promise<void> {
    await this.ofBoth((half) => half.dispose());
  }

  private async forkRows(rows: readonly number[]): Promise<Session> {
    const chosen = rows.map((r) => this.rows[r]!);
    const fork = new PairSession(this.models, 0);
    try {
      for (const side of [0, 1] as const)
        await fork.halves[side].take(this.halves[side], placesOf(chosen, side));
    } catch (error) {
      await fork.dispose();
      throw error;
    }
    fork.rows = renumber(chosen);
    return fork;
  }

  /** Does it with both, whatever becomes of the first. */
  private async ofBoth(act: (half: Half, side: Side) => Promise<void>): Promise<void> {
    try {
      await act(this.halves[0], 0);
    } finally {
      await act(this.halves[1], 1);
    }
  }

  private sideOf(id: number): Side {
    return id < this.models[0].vocabularySize ? 0 : 1;
  }

  private ownId(id: number): number {
    return this.sideOf(id) === 0 ? id : id - this.models[0].vocabularySize;
  }

  /** Gives empty rows to the model that is to read them. */
  private async settle(tokens: readonly TokenRow[]): Promise<void> {
    const moving = this.rows.map(
      ({ length, at }, r) => length === 0 && at?.side !== this.sideOf(tokens[r]![0]!),
    );
    if (!moving.includes(true)) return;
    this.rows = this.rows.map((row, r) => (moving[r] ? { length: 0 } : row));
    await this.select(this.rows.map((_, r) => r));
    for (const side of [0, 1] as const) {
      const coming = this.rows.filter((_, r) => moving[r] && this.sideOf(tokens[r]![0]!) === side).length;
      let place = await this.halves[side].addEmpty(coming);
      this.rows = this.rows.map((row, r) =>
        moving[r] && this.sideOf(tokens[r]![0]!) === side ? { length: 0, at: { side, place: place++ } } : row,
      );
    }
    if (!this.halves.every(({ canFork }) => canFork)) delete this.fork;
  }

  /** A value of each row of one model, in its places. */
  private ofSide<T>(side: Side, values: readonly T[]): T[] {
    const own: T[] = [];
    for (const [r, { at }] of this.rows.entries()) if (at?.side === side) own[at.place] = values[r]!;
    return own;
  }

  private lengthsOf(side: Side, lengths: readonly number[]): number[] {
    return this.ofSide(side, lengths);
  }

  private async appendTo(side: Side, tokens: readonly TokenRow[], signal?: AbortSignal) {
    const own = this.ofSide(side, tokens);
    return own.length === 0 ? undefined : this.halves[side].append(own, signal);
  }

  /** The logits of both models in the order of the rows, over the large one's columns; borrows them. */
  private join([large, small]: readonly (Next | undefined)[]): Tensor2D {
    const C = this.models[0].vocabularySize;
    return tf.tidy(() => {
      const fitted = [
        ...(large ? [this.withoutForeign(large.logits_RC)] : []),
        ...(small ? [fitColumns(small.logits_RC, C)] : []),
      ];
      const all_RC: Tensor2D = tf.concat(fitted);
      const firsts = [0, large?.logits_RC.shape[0] ?? 0] as const;
      const places = this.rows.map(({ at }) => firsts[at!.side] + at!.place);
      if (places.every((place, r) => place === r)) return tf.clone(all_RC);
      const rows = tf.split(all_RC, places.length);
      return tf.concat(places.map((place) => rows[place]!)) as Tensor2D;
    });
  }

  /** Without tokens that the small model could not read on from: those past its ids, but for the ones that end. */
  private withoutForeign(logits_RC: Tensor2D): Tensor2D {
    const [{ endTokens }, { vocabularySize: known }] = this.models;
    const [R, C] = logits_RC.shape;
    if (known >= C) return logits_RC;
    const out_C = Array.from({ length: C - known }, (_, i) => (endTokens.has(known + i) ? 0 : noLogit));
    const foreign_RC = tf.add(tf.slice(logits_RC, [0, known], [R, C - known]), out_C);
    return tf.concat([tf.slice(logits_RC, [0, 0], [R, known]), foreign_RC as Tensor2D], 1);
  }
}

/** Stands for the logit of a token that a model has not. */
const noLogit = -1e30;

function fitColumns(logits_RC: Tensor2D, columns: number): Tensor2D {
  const [R, C] = logits_RC.shape;
  if (C >= columns) return C === columns ? logits_RC : tf.slice(logits_RC, [0, 0], [R, columns]);
  return tf.concat([logits_RC, tf.fill<tf.Rank.R2>([R, columns - C], noLogit)], 1);
}

/** A session of one model whose rows may all go, and come again. */
class Half {
  private session: Session | undefined;

  constructor(private readonly model: LanguageModel) {}

  get rowCount(): number {
    return this.session?.lengths.length ?? 0;
  }

  /** One without a session can: it has nothing to fork. */
  get canFork(): boolean {
    return this.session === undefined || this.session.fork !== undefined;
  }

  /** Begins with these rows of another one. */
  async take(other: Half, places: readonly number[]): Promise<void> {
    if (places.length > 0) this.session = await other.session!.fork!(places);
  }

  async include(other: Half): Promise<void> {
    if (!other.session) return;
    if (this.session) await this.session.include!(other.session);
    else await this.take(other, [...other.session.lengths.keys()]);
  }

  append(tokens: readonly TokenRow[], signal?: AbortSignal): Promise<Next> {
    return this.session!.append(tokens, signal);
  }

  /** @returns the place of the first of them */
  async addEmpty(count: number): Promise<number> {
    const held = this.session?.lengths ?? [];
    if (count === 0) return held.length;
    if (!this.session) this.session = this.model.openSession(count);
    else {
      await this.session.select([...held.keys(), ...Array(count).fill(0)]);
      await this.session.rewind([...held, ...Array(count).fill(0)]);
    }
    return held.length;
  }

  async select(places: readonly number[]): Promise<void> {
    const held = this.session?.lengths.length ?? 0;
    if (places.length === 0) return this.dispose();
    if (places.length === held && places.every((place, i) => place === i)) return;
    await this.session!.select(places);
  }

  async rewind(lengths: readonly number[]): Promise<void> {
    if (lengths.length > 0 && this.session!.lengths.some((length, place) => length !== lengths[place]))
      await this.session!.rewind(lengths);
  }

  async dispose(): Promise<void> {
    const { session } = this;
    this.session = undefined;
    await session?.dispose();
  }
}
