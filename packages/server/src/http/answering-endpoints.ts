/** `POST /v1/chat/completions` and `POST /v1/completions`. */
import type { TokenRow } from "@amulet-ts/core";
import type { Answerer, ChosenModel } from "../answering/answerer.js";
import { readSampling, readStops } from "../answering/choosing.js";
import { fitToContext, type Order } from "../answering/order.js";
import {
  chatPrompts,
  countTokens,
  type ReadPrompts,
  readMessages,
  textPrompts,
} from "../answering/prompts.js";
import { Run } from "../answering/run.js";
import { readSteer, type Steer } from "../answering/steer.js";
import { ServerError } from "../errors.js";
import { type ChatRequest, chatRequestSchema } from "../protocol/chat.js";
import { type CompletionRequest, completionRequestSchema } from "../protocol/completions.js";
import { readRequest } from "../protocol/read-request.js";
import { refuseInChat, refuseInText } from "../protocol/unsupported.js";
import { chatForm } from "./chat-form.js";
import { whenClosed } from "./connections.js";
import { deliverStream, deliverWhole, type Form } from "./delivery.js";
import type { Exchange, House } from "./exchange.js";
import { textForm } from "./text-form.js";

export async function answerChat(c: Exchange, body: unknown, house: House): Promise<Response> {
  const request = readRequest(chatRequestSchema, body);
  refuseInChat(request);
  const { answerer, chosen, steer } = choose(request, house);
  const { model } = answerer.engine;
  const prompts = [await chatPrompts(model, readMessages(request.messages), steer)];
  const candidates = request.logprobs ? (request.top_logprobs ?? 0) : 0;
  const asked = request.max_completion_tokens ?? request.max_tokens;
  const order = takeOrder(request, { prompts, steer, candidates, asked }, answerer, house);
  const run = begin(c, house, { answerer, chosen, request, order, prefix: "chatcmpl" });
  return deliver(c, house, run, chatForm(run, request.logprobs === true), request);
}

export async function answerText(c: Exchange, body: unknown, house: House): Promise<Response> {
  const request = readRequest(completionRequestSchema, body);
  refuseInText(request);
  const { answerer, chosen, steer } = choose(request, house);
  const prompts: ReadPrompts[] = [];
  for (const prompt of promptsIn(request)) prompts.push(await textPrompts(answerer.engine, prompt, steer));
  const candidates = request.logprobs ?? 0;
  const asked = request.max_tokens;
  const order = takeOrder(request, { prompts, steer, candidates, asked }, answerer, house);
  const run = begin(c, house, { answerer, chosen, request, order, prefix: "cmpl" });
  return deliver(
    c,
    house,
    run,
    textForm(run, request.logprobs !== undefined && request.logprobs !== null),
    request,
  );
}

type AnyRequest = ChatRequest | CompletionRequest;

function choose(request: AnyRequest, { state }: House) {
  const answerer = state.stillReady();
  const chosen = answerer.choose(request.model ?? undefined);
  return { answerer, chosen, steer: readSteer(request, chosen.preference, answerer.dials) };
}

/** One prompt or several, each as a text or as token ids. */
function promptsIn({ prompt }: CompletionRequest): (string | TokenRow)[] {
  if (typeof prompt === "string") return [prompt];
  if (prompt.every((one): one is number => typeof one === "number")) return [prompt];
  return prompt as (string | TokenRow)[];
}

interface Read {
  readonly prompts: readonly ReadPrompts[];
  readonly steer: Steer;
  readonly candidates: number;
  readonly asked: number | null | undefined;
}

/** @throws ServerError `bad-request` for more answers than can ever be given at once */
function takeOrder(
  request: AnyRequest,
  { asked, ...read }: Read,
  { engine: { model } }: Answerer,
  { options: { parallel, queue, maxNewTokens } }: House,
): Order {
  const samples = request.n ?? 1;
  const wanted = samples * read.prompts.length;
  if (wanted > parallel + queue)
    throw new ServerError(
      "bad-request",
      `At most ${parallel + queue} answers are given at once here; it asks for ${wanted}.`,
      {
        param: "n",
      },
    );
  return {
    ...read,
    samples,
    sampling: readSampling(request),
    stop: readStops(request.stop),
    maxNewTokens: fitToContext(model, read.prompts, asked ?? maxNewTokens),
  };
}

interface Begun {
  readonly answerer: Answerer;
  readonly chosen: ChosenModel;
  readonly request: AnyRequest;
  readonly order: Order;
  readonly prefix: string;
}

/**
 * Whoever goes away is not answered any more, nor is who went while the prompts were made.
 *
 * @throws ServerError `closing` where the server's last moment came meanwhile
 */
function begin(c: Exchange, { state }: House, { answerer, chosen, request, order, prefix }: Begun): Run {
  state.stillReady();
  const record = c.get("record");
  const { outgoing } = c.env;
  record.noteOrder(
    { model: chosen.id, stream: request.stream ?? false, promptTokens: countTokens(order.prompts) },
    order.steer,
  );
  const leaving = new AbortController();
  if (outgoing.destroyed) leaving.abort();
  const run = new Run(answerer, chosen, order, prefix, record, leaving);
  const end = state.begin(leaving);
  whenClosed(outgoing, () => {
    leaving.abort();
    end();
  });
  return run;
}

async function deliver(
  c: Exchange,
  { options: { heartbeatMs } }: House,
  run: Run,
  form: Form<object, object>,
  { stream, stream_options }: AnyRequest,
): Promise<Response> {
  if (!stream) return c.json(await deliverWhole(run, form));
  return deliverStream(c, run, form, {
    includeUsage: stream_options?.include_usage ?? false,
    heartbeatMs,
    onError: (error) => c.get("record").noteError(error),
  });
}
