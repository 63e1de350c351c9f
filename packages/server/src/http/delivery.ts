/** How an answer goes out: whole, or in pieces. What it looks like is the endpoint's affair. */
import type { ChoicePiece } from "../answering/answers.js";
import type { Run } from "../answering/run.js";
import type { ServerError } from "../errors.js";
import { bodyOf, toServerError } from "../protocol/errors.js";
import type { FinishReason, Usage } from "../protocol/fields.js";
import { eventOf, lastEvent, streamOf, withHeartbeats } from "./event-stream.js";
import type { Exchange } from "./exchange.js";

/** The shape of an endpoint's answers. */
export interface Form<Whole, Chunk> {
  /** What opens each answer of a stream, if anything. */
  open(choice: number): Chunk | undefined;
  /** Undefined where there is nothing to show yet. */
  chunk(piece: ChoicePiece): Chunk | undefined;
  /** The last one, with how much it was. */
  usageChunk(usage: Usage): Chunk;
  whole(choices: readonly WholeChoice[], usage: Usage): Whole;
}

export interface WholeChoice {
  readonly index: number;
  readonly text: string;
  readonly pieces: readonly ChoicePiece[];
  readonly finishReason: FinishReason;
}

/** @throws whatever ended an answer before its end */
export async function deliverWhole<Whole>(run: Run, form: Form<Whole, unknown>): Promise<Whole> {
  const pieces: ChoicePiece[][] = Array.from({ length: run.choiceCount }, () => []);
  for await (const piece of run.pieces) pieces[piece.choice]!.push(piece);
  const choices = pieces.map((own, index) => ({
    index,
    text: own.map(({ text }) => text).join(""),
    pieces: own,
    finishReason: own.at(-1)!.finishReason!,
  }));
  return form.whole(choices, run.usage);
}

export interface StreamOptions {
  readonly includeUsage: boolean;
  readonly heartbeatMs: number;
  readonly onError: (error: ServerError) => void;
}

/** An answer that fails in mid-stream says so in an event, and nothing after it. */
export function deliverStream(
  c: Exchange,
  run: Run,
  form: Form<unknown, object>,
  options: StreamOptions,
): Response {
  const { heartbeatMs } = options;
  const events = withHeartbeats(eventsOf(run, form, options), heartbeatMs, () => run.state);
  return c.body(
    streamOf(events, () => run.leaving.abort()),
    200,
    {
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-cache",
      // Proxies that collect an answer before they pass it on.
      "x-accel-buffering": "no",
      // HTTP/1.0 has no chunks: there an answer ends with its connection.
      ...(c.env.incoming.httpVersion !== "1.0" && { "transfer-encoding": "chunked" }),
    },
  );
}

async function* eventsOf(
  run: Run,
  form: Form<unknown, object>,
  { includeUsage, onError }: StreamOptions,
): AsyncGenerator<string, void, void> {
  const write = (chunk: object | undefined) =>
    chunk && eventOf(includeUsage ? { ...chunk, usage: null } : chunk);
  try {
    for (let choice = 0; choice < run.choiceCount; choice++) {
      const event = write(form.open(choice));
      if (event) yield event;
    }
    for await (const piece of run.pieces) {
      const event = write(form.chunk(piece));
      if (event) yield event;
    }
    if (includeUsage) yield eventOf(form.usageChunk(run.usage));
    yield lastEvent;
  } catch (thrown) {
    const error = toServerError(thrown);
    onError(error);
    yield eventOf(bodyOf(error));
  }
}
