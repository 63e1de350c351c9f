import type { Tensor2D } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import type { Choose } from "./choose.js";
import { CoreError } from "./errors.js";
import type { Method } from "./method.js";
import { logPolicy } from "./policy.js";
import { checkPrompt, type PrefillOptions, prefill, throwIfAborted } from "./prefill.js";
import type { LanguageModel, Session, TokenRow } from "./session.js";

/** One answer to generate: two prompts, a method, a way of choosing. */
export interface DecodeRequest {
  readonly base: TokenRow;
  readonly preference: TokenRow;
  readonly method: Method;
  readonly choose: Choose;
  /** A whole number of at least 1. */
  readonly maxNewTokens: number;
  /** Called with every token of the answer; true ends it after this one. */
  readonly stopAfter?: (id: number) => boolean;
}

/** What {@link decode} yields: tokens as they come, then one end per request. */
export type DecodeEvent =
  | {
      readonly type: "token";
      readonly request: number;
      readonly id: number;
      readonly logProbability: number;
      readonly gamma?: number;
    }
  | { readonly type: "end"; readonly request: number; readonly reason: "stop" | "length" };

/** A request under way: which session rows are its own, and what it has said so far. */
interface Answer {
  readonly index: number;
  readonly request: DecodeRequest;
  /** First of its rows in the session; the row of the preference follows that of the base prompt. */
  firstRow: number;
  readonly rowCount: number;
  readonly generated: number[];
  ended: "stop" | "length" | undefined;
}

/**
 * Generates any number of answers side by side, all rows in one forward pass per token. Prompts that several
 * requests share are read once; an answer that has ended leaves the batch.
 *
 * The end token is not yielded. Leaving the loop early frees everything.
 *
 * @throws CoreError `bad-request`, `context-overflow`, `not-finite`, `aborted`
 */
export async function* decode(
  model: LanguageModel,
  requests: readonly DecodeRequest[],
  options: PrefillOptions = {},
): AsyncGenerator<DecodeEvent, void, void> {
  for (const request of requests) checkRequest(model, request);
  let answers = startAnswers(requests);
  const { session, logits_RV } = await readPrompts(model, answers, options);
  using _ = session;
  let logs_RV = normalise(logits_RV);
  try {
    while (answers.length > 0) {
      const events = await chooseTokens(answers, logs_RV, model);
      logs_RV.dispose();
      yield* events;
      throwIfAborted(options.signal);
      answers = dropEnded(answers, session);
      if (answers.length > 0) logs_RV = normalise(session.append(answers.flatMap(lastTokens)));
    }
  } finally {
    logs_RV.dispose();
  }
}

function checkRequest(model: LanguageModel, { method, base, preference, maxNewTokens }: DecodeRequest): void {
  if (!Number.isInteger(maxNewTokens) || maxNewTokens < 1) {
    throw new CoreError(
      "bad-request",
      `maxNewTokens must be a whole number of at least 1; it is ${maxNewTokens}.`,
    );
  }
  if (method.reads !== "preference") checkPrompt(model, base, "base");
  if (method.reads !== "base") checkPrompt(model, preference, "preference");
}

function startAnswers(requests: readonly DecodeRequest[]): Answer[] {
  let firstRow = 0;
  return requests.map((request, index) => {
    const rowCount = request.method.reads === "both" ? 2 : 1;
    const answer: Answer = { index, request, firstRow, rowCount, generated: [], ended: undefined };
    firstRow += rowCount;
    return answer;
  });
}

function promptsOf({ request }: Answer): TokenRow[] {
  if (request.method.reads === "base") return [request.base];
  if (request.method.reads === "preference") return [request.preference];
  return [request.base, request.preference];
}

/** Reads each distinct prompt once, then forks its row for every request that begins with it. */
async function readPrompts(model: LanguageModel, answers: readonly Answer[], options: PrefillOptions) {
  const prompts = answers.flatMap(promptsOf);
  const distinct = new Map(prompts.map((prompt) => [prompt.join(), prompt]));
  const keys = [...distinct.keys()];
  const rows = prompts.map((prompt) => keys.indexOf(prompt.join()));
  const session = model.openSession(keys.length);
  try {
    const logits_BV = await prefill(session, [...distinct.values()], options);
    session.select(rows);
    const logits_RV: Tensor2D = tf.tidy(() => tf.gather(logits_BV, tf.tensor1d(rows, "int32")));
    logits_BV.dispose();
    return { session, logits_RV };
  } catch (error) {
    session.dispose();
    throw error;
  }
}

/** Logits that are used up into log-policies. */
function normalise(logits_RV: Tensor2D): Tensor2D {
  const logs_RV = logPolicy(logits_RV);
  logits_RV.dispose();
  return logs_RV;
}

/** One token for every answer; those with the same method are one batch. */
async function chooseTokens(
  answers: readonly Answer[],
  logs_RV: Tensor2D,
  model: LanguageModel,
): Promise<DecodeEvent[]> {
  const events: DecodeEvent[] = [];
  for (const [method, group] of groupByMethod(answers)) {
    const { rows, gammas } = await readPolicies(method, group, logs_RV);
    for (const [i, answer] of group.entries())
      events.push(...chooseToken(answer, rows[i]!, gammas?.[i], model));
  }
  return events.sort((a, b) => a.request - b.request);
}

function groupByMethod(answers: readonly Answer[]): Map<Method, Answer[]> {
  const groups = new Map<Method, Answer[]>();
  for (const answer of answers) {
    const { method } = answer.request;
    groups.set(method, [...(groups.get(method) ?? []), answer]);
  }
  return groups;
}

async function readPolicies(method: Method, group: readonly Answer[], logs_RV: Tensor2D) {
  const result = tf.tidy(() => {
    const first_BV = takeRows(
      logs_RV,
      group.map(({ firstRow }) => firstRow),
    );
    const last_BV = takeRows(
      logs_RV,
      group.map(({ firstRow, rowCount }) => firstRow + rowCount - 1),
    );
    const policy = method.policy(first_BV, last_BV);
    return "gamma_B1" in policy ? policy : { logPolicy_BV: policy, gamma_B1: undefined };
  });
  const [values, gammas] = await Promise.all([result.logPolicy_BV.data(), result.gamma_B1?.data()]);
  const width = result.logPolicy_BV.shape[1];
  tf.dispose([result.logPolicy_BV, ...(result.gamma_B1 ? [result.gamma_B1] : [])]);
  const rows = group.map((_, i) => values.subarray(i * width, (i + 1) * width) as Float32Array);
  return { rows, gammas };
}

/**
 * Rows of a finite matrix, as an exact product with zeros and ones: on the wasm backend a slice copies the whole
 * matrix first, and a gather walks it element by element.
 */
function takeRows(logs_RV: Tensor2D, rows: readonly number[]): Tensor2D {
  const R = logs_RV.shape[0];
  if (rows.length === R && rows.every((row, i) => row === i)) return tf.clone(logs_RV);
  const selection_BR = tf.tensor2d(
    rows.flatMap((row) => Array.from({ length: R }, (_, i) => Number(i === row))),
    [rows.length, R],
  );
  return tf.matMul(selection_BR, logs_RV);
}

function chooseToken(
  answer: Answer,
  logPolicy_V: Float32Array,
  gamma: number | undefined,
  model: LanguageModel,
): DecodeEvent[] {
  const { request, generated, index } = answer;
  const id = request.choose(logPolicy_V, { generated, endTokens: model.endTokens });
  if (model.endTokens.has(id)) {
    answer.ended = "stop";
    return [{ type: "end", request: index, reason: "stop" }];
  }
  generated.push(id);
  const token = { type: "token", request: index, id, logProbability: logPolicy_V[id]! } as const;
  const event = gamma === undefined ? token : { ...token, gamma };
  answer.ended = reasonToEnd(answer, id, model);
  return answer.ended ? [event, { type: "end", request: index, reason: answer.ended }] : [event];
}

function reasonToEnd(
  answer: Answer,
  id: number,
  { contextLength }: LanguageModel,
): "stop" | "length" | undefined {
  const { request, generated } = answer;
  if (request.stopAfter?.(id)) return "stop";
  const longest = Math.max(...promptsOf(answer).map((prompt) => prompt.length)) + generated.length;
  return generated.length < request.maxNewTokens && longest < contextLength ? undefined : "length";
}

const lastTokens = ({ generated, rowCount }: Answer): TokenRow[] =>
  Array.from({ length: rowCount }, () => generated.slice(-1));

function dropEnded(answers: readonly Answer[], session: Session): Answer[] {
  const going = answers.filter(({ ended }) => ended === undefined);
  if (going.length === answers.length || going.length === 0) return going;
  session.select(
    going.flatMap(({ firstRow, rowCount }) => Array.from({ length: rowCount }, (_, i) => firstRow + i)),
  );
  let firstRow = 0;
  for (const answer of going) {
    answer.firstRow = firstRow;
    firstRow += answer.rowCount;
  }
  return going;
}
