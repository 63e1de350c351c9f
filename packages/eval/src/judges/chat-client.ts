/** One reply of a server that speaks the OpenAI protocol, asked again where that may help. */
import { setTimeout as pause } from "node:timers/promises";
import * as v from "valibot";
import { EvaluationError } from "../errors.js";
import type { JudgeMessage } from "./judge-prompt.js";

export interface JudgeServer {
  /** Up to and with `/v1`. */
  readonly url: string;
  readonly model: string;
  readonly apiKey?: string;
  readonly maxTokens: number;
  /** How often a request is made at most; default 6. */
  readonly attempts?: number;
  /** Before the second attempt, doubled before each further one; default 1,000. */
  readonly pauseMs?: number;
  /** For one reply; default 120,000. */
  readonly timeoutMs?: number;
}

export interface JudgeReply {
  readonly text: string;
  readonly tokens: { readonly prompt: number; readonly completion: number };
}

const replySchema = v.object({
  choices: v.tupleWithRest([v.object({ message: v.object({ content: v.string() }) })], v.unknown()),
  usage: v.optional(v.object({ prompt_tokens: v.number(), completion_tokens: v.number() }), {
    prompt_tokens: 0,
    completion_tokens: 0,
  }),
});

/** What went wrong with one attempt, and whether another may go better. */
interface Failure {
  readonly why: string;
  readonly isFinal: boolean;
  /** What the server asks to wait. */
  readonly waitMs?: number;
}

/** @throws EvaluationError `judge-failed` where the server refuses, or every attempt failed; the signal's reason */
export async function askJudge(
  server: JudgeServer,
  messages: readonly JudgeMessage[],
  signal?: AbortSignal,
): Promise<JudgeReply> {
  const { attempts = 6, pauseMs = 1000 } = server;
  for (let attempt = 1; ; attempt++) {
    signal?.throwIfAborted();
    const result = await attemptOnce(server, messages, signal);
    if ("text" in result) return result;
    signal?.throwIfAborted();
    if (result.isFinal || attempt >= attempts) throw failed(server, result, attempt);
    await pause(result.waitMs ?? pauseMs * 2 ** (attempt - 1), undefined, signal ? { signal } : {});
  }
}

async function attemptOnce(
  { url, model, apiKey, maxTokens, timeoutMs = 120_000 }: JudgeServer,
  messages: readonly JudgeMessage[],
  signal?: AbortSignal,
): Promise<JudgeReply | Failure> {
  const limit = AbortSignal.timeout(timeoutMs);
  try {
    const response = await fetch(`${url.replace(/\/+$/, "")}/chat/completions`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        ...(apiKey !== undefined && { authorization: `Bearer ${apiKey}` }),
      },
      body: JSON.stringify({ model, messages, max_tokens: maxTokens, temperature: 0 }),
      signal: signal ? AbortSignal.any([signal, limit]) : limit,
    });
    const body = await response.text();
    return response.ok ? readReply(body) : refusalOf(response, body);
  } catch (error) {
    return { why: `no answer came: ${causeOf(error)}`, isFinal: false };
  }
}

function readReply(body: string): JudgeReply | Failure {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return { why: "the answer is no whole JSON", isFinal: false };
  }
  const { success, output } = v.safeParse(replySchema, value);
  if (!success) return { why: "the answer has no choices[0].message.content", isFinal: false };
  const { prompt_tokens: prompt, completion_tokens: completion } = output.usage;
  return { text: output.choices[0].message.content, tokens: { prompt, completion } };
}

/** Too many requests, a timeout or a fault of the server may pass; that a request is wrong will not. */
function refusalOf({ status, headers }: Response, body: string): Failure {
  const isFinal = !(status === 408 || status === 409 || status === 429 || status >= 500);
  const seconds = Number(headers.get("retry-after") ?? Number.NaN);
  const waitMs = seconds >= 0 && seconds <= 300 ? { waitMs: 1000 * seconds } : {};
  return { why: `status ${status}, ${JSON.stringify(body.slice(0, 200))}`, isFinal, ...waitMs };
}

function causeOf(error: unknown): string {
  const { message, cause } = error as Error;
  return cause instanceof Error ? `${message} (${cause.message})` : message;
}

function failed({ url, model }: JudgeServer, { why }: Failure, attempts: number): EvaluationError {
  return new EvaluationError(
    "judge-failed",
    `The judge ${model} at ${url} gave no verdict after ${attempts} attempt${attempts === 1 ? "" : "s"}: ${why}. What was ` +
      "judged before is kept; the same command goes on.",
  );
}
