/** One reply of a server that speaks the OpenAI protocol, asked again where that may help. */
import { JsonClient, RequestError } from "@amulet-ts/files";
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

/** A refusal and a reply that was cut while the model reasoned have no content: that is an answer too, without a verdict. */
const replySchema = v.object({
  choices: v.tupleWithRest(
    [v.object({ message: v.object({ content: v.nullish(v.string(), "") }) })],
    v.unknown(),
  ),
  usage: v.nullish(v.object({ prompt_tokens: v.number(), completion_tokens: v.number() }), {
    prompt_tokens: 0,
    completion_tokens: 0,
  }),
});

/** A judge is waited for: nobody sits before a run of thousands. */
const longestWaitMs = 300_000;

/** @throws EvaluationError `judge-failed` where the server refuses, or every attempt failed; the signal's reason */
export async function askJudge(
  server: JudgeServer,
  messages: readonly JudgeMessage[],
  signal?: AbortSignal,
): Promise<JudgeReply> {
  const { url, apiKey, model, maxTokens, attempts, timeoutMs, pauseMs = 1000 } = server;
  const client = new JsonClient({
    address: url,
    key: apiKey,
    timeoutMs,
    retriesLate: true,
    firstWaitMs: pauseMs,
    longestWaitMs,
  });
  const asked = { model, messages, max_tokens: maxTokens, temperature: 0 };
  const accepts = (answer: unknown) => v.is(replySchema, answer);
  try {
    return readReply(await client.post("/chat/completions", asked, { signal, attempts, accepts }));
  } catch (error) {
    throw error instanceof RequestError ? failed(server, error) : error;
  }
}

function readReply(answer: unknown): JudgeReply {
  const { choices, usage } = v.parse(replySchema, answer);
  const { prompt_tokens: prompt, completion_tokens: completion } = usage;
  return { text: choices[0].message.content, tokens: { prompt, completion } };
}

function failed({ model }: JudgeServer, { address, said, status, attempts }: RequestError): EvaluationError {
  const why = status === undefined ? said : `status ${status}, ${said}`;
  return new EvaluationError(
    "judge-failed",
    `The judge ${model} at ${address} gave no verdict after ${attempts} attempt${attempts === 1 ? "" : "s"}: ${why}. What was ` +
      "judged before is kept; the same command goes on.",
  );
}
