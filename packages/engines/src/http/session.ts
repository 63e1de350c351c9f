/**
 * Rows that a server reads: they are kept here and sent again with every token, and the server's cache of prefixes knows all but
 * the last of it. So a fork, a rewind or a connection that breaks cost nothing.
 */
import {
  areGiven,
  describeGiven,
  type GivenRow,
  maskedRows,
  type Next,
  type Session,
  type TokenRow,
  throwIfAborted,
  type WeighedRows,
} from "@amulet-ts/core";
import * as tf from "@tensorflow/tfjs-core";
import { EngineError, notOfThisModel } from "../errors.js";
import { groupRows, type JoinedColumns, joinColumns } from "./columns.js";
import {
  type AskOptions,
  badAnswer,
  type InferenceServer,
  type LogProbabilitiesById,
} from "./servers/server.js";

export interface HttpSessionOptions {
  /** Tokens of each row that are asked for at first. */
  readonly candidates: number;
  readonly vocabularySize: number;
  /** Ends every request. */
  readonly ended: AbortSignal;
}

/** Rows of one request. */
const rowsPerRequest = 64;

export class HttpSession implements Session {
  private rows: readonly TokenRow[];

  constructor(
    private readonly server: InferenceServer,
    rowCount: number,
    private readonly options: HttpSessionOptions,
  ) {
    this.rows = Array.from({ length: rowCount }, () => []);
  }

  get lengths(): readonly number[] {
    return this.rows.map((row) => row.length);
  }

  async append(
    tokens: readonly TokenRow[],
    signal?: AbortSignal,
    weighed: readonly WeighedRows[] = [{ rows: [...this.rows.keys()], needs: "given" }],
  ): Promise<Next> {
    if (this.options.ended.aborted) throw disposed();
    const rows = this.rows.map((row, r) => [...row, ...tokens[r]!]);
    const joined = await this.untilEnded(signal, (either) => this.read(rows, weighed, { signal: either }));
    this.rows = rows;
    return toNext(joined);
  }

  async select(rows: readonly number[]): Promise<void> {
    this.rows = rows.map((row) => this.rows[row]!);
  }

  async rewind(lengths: readonly number[]): Promise<void> {
    this.rows = this.rows.map((row, r) => row.slice(0, lengths[r]!));
  }

  async fork(rows: readonly number[]): Promise<Session> {
    const fork = new HttpSession(this.server, 0, this.options);
    fork.rows = rows.map((row) => this.rows[row]!);
    return fork;
  }

  async include(other: Session): Promise<void> {
    if (!(other instanceof HttpSession) || other.server !== this.server) throw notOfThisModel();
    this.rows = [...this.rows, ...other.rows];
  }

  async dispose(): Promise<void> {
    this.rows = [];
  }

  /** Requests end when the call is aborted, and when the engine is disposed of. */
  private async untilEnded<T>(
    signal: AbortSignal | undefined,
    work: (either: AbortSignal) => Promise<T>,
  ): Promise<T> {
    throwIfAborted(signal);
    const ending = new AbortController();
    const signals = [signal, this.options.ended].filter((one) => one !== undefined);
    const end = () => ending.abort(signal?.reason);
    for (const one of signals) one.addEventListener("abort", end);
    try {
      return await work(ending.signal);
    } catch (error) {
      if (this.options.ended.aborted) throw disposed();
      throw error;
    } finally {
      for (const one of signals) one.removeEventListener("abort", end);
    }
  }

  /** Asks for more until each answer has the tokens that its method needs, or there are no more. */
  private async read(
    rows: readonly TokenRow[],
    weighed: readonly WeighedRows[],
    options: AskOptions,
  ): Promise<JoinedColumns> {
    const groups = groupRows(rows.length, weighed);
    for (let candidates = this.options.candidates; ; candidates *= 4) {
      const asked = Math.min(candidates, this.server.mostCandidates);
      const best = await this.readBest(rows, asked, options);
      const known = await this.readMissing(rows, best, groups, options);
      const joined = joinColumns(
        known,
        best.map((row) => this.leastOf(row)),
      );
      const isAll = asked >= this.server.mostCandidates;
      if (isAll || weighed.every((answer) => isEnough(answer, joined))) return joined;
    }
  }

  private async readBest(rows: readonly TokenRow[], candidates: number, options: AskOptions) {
    const parts: Promise<LogProbabilitiesById[]>[] = [];
    for (let from = 0; from < rows.length; from += rowsPerRequest)
      parts.push(this.server.readBest(rows.slice(from, from + rowsPerRequest), candidates, options));
    const best = (await Promise.all(parts)).flat();
    for (const row of best) this.check(row, candidates);
    return best;
  }

  /** Asks by name for what the other rows of an answer were told and this one was not. */
  private async readMissing(
    rows: readonly TokenRow[],
    best: readonly LogProbabilitiesById[],
    groups: readonly (readonly number[])[],
    options: AskOptions,
  ): Promise<readonly LogProbabilitiesById[]> {
    if (!this.server.readNamed) return best;
    const missing = best.map((): number[] => []);
    for (const group of groups) {
      const ids = new Set(group.flatMap((row) => [...best[row]!.keys()]));
      for (const row of group) missing[row] = [...ids].filter((id) => !best[row]!.has(id));
    }
    const asking = [...rows.keys()].filter((row) => missing[row]!.length > 0);
    if (asking.length === 0) return best;
    const named = await this.server.readNamed(
      asking.map((row) => rows[row]!),
      asking.map((row) => missing[row]!),
      options,
    );
    const known = best.map((row) => new Map(row));
    for (const [i, row] of asking.entries()) {
      const asked = new Set(missing[row]);
      for (const [id, log] of named[i]!) if (asked.has(id)) known[row]!.set(id, log);
    }
    return known;
  }

  /** What those weigh at most that were not told. */
  private leastOf(best: LogProbabilitiesById): number {
    if (best.size >= this.options.vocabularySize) return Number.NEGATIVE_INFINITY;
    return [...best.values()].reduce((least, log) => Math.min(least, log), 0);
  }

  /** @throws EngineError `bad-answer` for a vocabulary that is not ours, or no distribution */
  private check(row: LogProbabilitiesById, candidates: number): void {
    const { vocabularySize } = this.options;
    const strange = [...row.keys()].find((id) => id >= vocabularySize);
    const { kind } = this.server;
    if (strange !== undefined)
      throw badAnswer(
        kind,
        `it tells of the token ${strange}, and the tokenizer's ids end at ${vocabularySize - 1}`,
      );
    const mass = [...row.values()].reduce((sum, log) => sum + Math.exp(log), 0);
    if (mass > 1.01) throw badAnswer(kind, `the probabilities of a row sum to ${mass.toFixed(3)}`);
    if (row.size === 0) throw badAnswer(kind, `${candidates} tokens were asked for and none came`);
  }
}

function disposed(): EngineError {
  return new EngineError("disposed", "The engine has been disposed of.");
}

/** Of two policies that are weighed against each other this much is to be seen, where more can be had. */
const wantedMass = 0.9;

/** How much float32 may move a log-probability on its way; the loop that chooses looks once more. */
const rounding = 1e-4;

function isEnough({ rows, needs }: WeighedRows, joined: JoinedColumns): boolean {
  if (needs === "given")
    return rows.length < 2 || rows.every((row) => 1 - Math.exp(joined.logRests[row]!) >= wantedMass);
  const base = rows.length > 1 ? rowOf(rows[0]!, joined) : undefined;
  return maskedRows(rows).every((row) => areGiven(needs, describeGiven(rowOf(row, joined), base, rounding)));
}

function rowOf(row: number, { ids_C: { length: C }, logs, logMosts }: JoinedColumns): GivenRow {
  return { logs_C: logs.subarray(row * C, (row + 1) * C), logMost: logMosts[row]! };
}

function toNext({ ids_C, logs, logRests, logMosts }: JoinedColumns): Next {
  const R = logRests.length;
  return {
    logits_RC: tf.tensor2d(logs, [R, ids_C.length]),
    ids_C,
    rest_R1: tf.tensor2d(logRests, [R, 1]),
    mostOfRest_R: Array.from(logMosts, (most, r) => Math.min(0, most - logRests[r]!)),
  };
}
