/** The routes, and what holds for all of them. */
import { randomUUID } from "node:crypto";
import { Hono } from "hono";
import { cors } from "hono/cors";
import { ServerError } from "../errors.js";
import { bodyOf, statusOf, toServerError } from "../protocol/errors.js";
import { describeApi } from "../protocol/openapi.js";
import { parseJson } from "../protocol/read-request.js";
import type { ServerState } from "../state.js";
import { OpenRecord } from "../watch/request-record.js";
import { answerChat, answerText } from "./answering-endpoints.js";
import { readBody } from "./body.js";
import { endOf } from "./connections.js";
import type { Env, Exchange, House } from "./exchange.js";
import { checkHost, isLoopback } from "./hosts.js";
import { checkKey } from "./keys.js";
import { applyTemplate, detokenize, tokenize } from "./token-endpoints.js";

export function createApp(house: House): Hono<Env> {
  const { state, options, metrics } = house;
  const app = new Hono<Env>();
  const { page } = options;
  // Before the log: a page has many files, and none of them is a request for an answer.
  if (page)
    app.get("*", async (c, next) => {
      const file = await page(c.req.path);
      return file ? c.body(file.body, 200, { ...file.headers }) : next();
    });
  app.use(async (c, next) => {
    keepRecord(c, house);
    await next();
  });
  if (options.apiKey === undefined && isLoopback(options.host)) {
    app.use(async (c, next) => {
      checkHost(c.req.header("host"));
      await next();
    });
  }
  if (options.cors !== undefined) {
    const named = [options.cors].flat();
    const origin = named.includes("*") ? "*" : named;
    app.use(cors({ origin, exposeHeaders: ["retry-after", "x-request-id"] }));
  }
  app.get("/health", (c) => {
    state.ready();
    return c.json({ status: "ok" });
  });
  app.use(async (c, next) => {
    if (options.apiKey !== undefined) checkKey(c.req.header("authorization"), options.apiKey);
    await next();
  });
  app.get("/metrics", async (c) =>
    c.text(await metrics.text(), 200, { "content-type": metrics.contentType }),
  );
  app.get("/openapi.json", (c) => c.json(describeApi()));
  app.get("/v1/models", (c) => c.json({ object: "list", data: state.ready().models }));
  // A name may have slashes in it.
  app.get("/v1/models/:id{.+}", (c) => {
    const answerer = state.ready();
    const { id } = answerer.choose(c.req.param("id"));
    return c.json(answerer.models.find((model) => model.id === id)!);
  });
  const post = (path: string, answer: (c: Exchange, body: unknown, house: House) => Promise<Response>) =>
    app.post(path, async (c) => {
      state.ready();
      const { bodyBytes: bytes, bodyMs } = options;
      const body = await readBody(c.env.incoming, { bytes, milliseconds: bodyMs });
      return answer(c, parseJson(body), house);
    });
  post("/v1/chat/completions", answerChat);
  post("/v1/completions", answerText);
  post("/tokenize", tokenize);
  post("/detokenize", detokenize);
  post("/apply-template", applyTemplate);
  app.notFound((c) =>
    refuse(
      c,
      new ServerError("not-found", `There is no ${c.req.method} ${shorten(c.req.path)} here.`),
      state,
    ),
  );
  app.onError((thrown, c) => refuse(c, toServerError(thrown), state));
  return app;
}

/** Its line in the log is written when its connection is done with it, however that comes. */
function keepRecord(c: Exchange, house: House): void {
  const { outgoing } = c.env;
  const record = new OpenRecord(`req-${randomUUID().slice(0, 8)}`, endpointOf(c));
  c.set("record", record);
  c.header("x-request-id", record.id);
  house.slowReaders.watch(outgoing, () => record.noteEnd("cut"));
  outgoing.once("close", endOf(record, outgoing, house));
}

const endpoints = new Set([
  ...["/v1/chat/completions", "/v1/completions", "/v1/models", "/health", "/metrics", "/openapi.json"],
  ...["/tokenize", "/detokenize", "/apply-template"],
]);

/** Of a few: what anybody may ask for is no label of a metric. */
function endpointOf({ req: { path } }: Exchange): string {
  if (endpoints.has(path)) return path;
  return path.startsWith("/v1/models/") ? "/v1/models" : "other";
}

function refuse(c: Exchange, error: ServerError, state: ServerState): Response {
  c.get("record").noteError(error);
  const status = statusOf(error);
  if (status === 429) c.header("retry-after", String(state.retryAfterSeconds));
  if (status === 503) c.header("retry-after", "2");
  if (status === 401) c.header("www-authenticate", "Bearer");
  // A body that was not read to its end is in the way of the next request.
  if (status === 413 || status === 415 || status === 408 || state.isClosing) c.header("connection", "close");
  return c.json(bodyOf(error), status);
}

function shorten(text: string): string {
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
