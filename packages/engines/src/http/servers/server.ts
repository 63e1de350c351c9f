/** What the session asks of a server, whatever its protocol. */
import type { TokenRow } from "@amulet-ts/core";
import * as v from "valibot";
import { EngineError } from "../../errors.js";

/** Natural logarithms of the probabilities of some tokens after a row, by id. */
export type LogProbabilitiesById = ReadonlyMap<number, number>;

export interface AskOptions {
  readonly signal?: AbortSignal | undefined;
}

export interface InferenceServer {
  /** For people: `llama-server`. */
  readonly kind: string;
  readonly version: string;
  /** The model's name at the server. */
  readonly modelName: string;
  readonly contextLength?: number;
  /** V, where the server tells. */
  readonly vocabularySize?: number;
  readonly parameterCount?: number;
  /** Where the server says that it has the model from: a path there, or a hub id. */
  readonly modelPath?: string;
  /** What should be known of how it was started. */
  readonly notes: readonly string[];
  /** Tokens of a row that it tells when nothing is asked for. */
  readonly usualCandidates: number;
  /** Most tokens of a row that it tells; found out where a request for more is refused. */
  readonly mostCandidates: number;
  /** The most probable tokens after each row, up to `candidates`. All rows are read in one request. */
  readBest(
    rows: readonly TokenRow[],
    candidates: number,
    options: AskOptions,
  ): Promise<LogProbabilitiesById[]>;
  /** The named tokens after each row; absent where it can't be asked for. */
  readNamed?(
    rows: readonly TokenRow[],
    ids: readonly (readonly number[])[],
    options: AskOptions,
  ): Promise<LogProbabilitiesById[]>;
  /** The server's own reading of a text, no token added; undefined where it does not tell. */
  tokenize(text: string, options: AskOptions): Promise<readonly number[] | undefined>;
}

/** @throws EngineError `bad-answer`, with the place in the answer and what was expected there */
export function readAnswer<Schema extends v.GenericSchema>(
  schema: Schema,
  answer: unknown,
  asked: string,
): v.InferOutput<Schema> {
  const { success, output, issues } = v.safeParse(schema, answer);
  if (success) return output;
  const [first] = issues!;
  const place = v.getDotPath(first) ?? "the answer";
  throw badAnswer(asked, `${place} must be ${first.expected ?? first.message}; it is ${first.received}`);
}

export function badAnswer(asked: string, why: string): EngineError {
  return new EngineError("bad-answer", `The answer of ${asked} is not what its protocol says: ${why}.`);
}

/** A log-probability: rounding may leave it a little above 0, and servers write −∞ as a large negative number or null. */
export const logProbability = v.pipe(
  v.nullable(v.number(), Number.NEGATIVE_INFINITY),
  v.check((value) => value <= 1e-3, "a log-probability"),
  v.transform((value) => Math.min(0, value)),
);

export const tokenId = v.pipe(v.number(), v.integer(), v.minValue(0));

/** What `/tokenize` answers. */
export const tokenized = v.object({ tokens: v.array(tokenId) });

/** The answers in the order of the rows, in which they need not come. @throws EngineError `bad-answer` where one is missing */
export function inOrderOfRows<Answer extends { readonly index: number }>(
  answers: readonly Answer[],
  rowCount: number,
  asked: string,
): Answer[] {
  return Array.from({ length: rowCount }, (_, row) => {
    const own = answers.find(({ index }) => index === row);
    if (!own) throw badAnswer(asked, `row ${row} of ${rowCount} is missing`);
    return own;
  });
}

/** Tokens that weigh nothing are as good as not told. */
export function byId(entries: Iterable<readonly [id: number, logProbability: number]>): LogProbabilitiesById {
  return new Map([...entries].filter(([, log]) => log > -1e4));
}

/** Bytes that an answer with so many tokens may have: a few hundred for each token, spelled, and the rest. */
export function mostBytesFor(rows: number, tokens: number): number {
  return rows * (tokens + 8) * 512 + 4 * 2 ** 20;
}
