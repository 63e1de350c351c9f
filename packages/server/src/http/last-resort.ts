/** What goes wrong outside of the routes, before a request has a record: told and noted like everything else. */
import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { RequestError } from "@hono/node-server";
import { ServerError } from "../errors.js";
import type { PageFile, ServerOptions } from "../options.js";
import { bodyOf, statusOf, toServerError } from "../protocol/errors.js";
import { OpenRecord } from "../watch/request-record.js";
import { endOf, whenClosed } from "./connections.js";
import type { House } from "./exchange.js";

type Page = NonNullable<ServerOptions["page"]>;

/** No `Error`, so that the routes, which have no record of it, let it pass. */
class PageFailure {
  constructor(readonly error: unknown) {}
}

/** What a page throws comes to {@link answerFailure}. */
export function guardPage(page: Page): Page {
  return async (pathname): Promise<PageFile | undefined> => {
    try {
      return await page(pathname);
    } catch (error) {
      throw new PageFailure(error);
    }
  };
}

/** An address that can't be read, a page that fails; or what is no `Error`, of which the routes have a record. */
export function answerFailure(
  thrown: unknown,
  { url }: IncomingMessage,
  outgoing: ServerResponse,
  house: Pick<House, "metrics" | "options">,
): Response {
  const error = describeFailure(thrown, url ?? "");
  if (thrown instanceof RequestError || thrown instanceof PageFailure) keepRecord(error, outgoing, house);
  // Its body may not have been read.
  return Response.json(bodyOf(error), { status: statusOf(error), headers: { connection: "close" } });
}

function keepRecord(
  error: ServerError,
  outgoing: ServerResponse,
  house: Pick<House, "metrics" | "options">,
): void {
  const record = new OpenRecord(`req-${randomUUID().slice(0, 8)}`, "other");
  outgoing.setHeader("x-request-id", record.id);
  record.noteError(error);
  whenClosed(outgoing, endOf(record, outgoing, house));
}

function describeFailure(thrown: unknown, url: string): ServerError {
  if (thrown instanceof RequestError)
    return new ServerError(
      "bad-request",
      `The address of the request, ${JSON.stringify(url.slice(0, 80))}, can't be read (${thrown.message}): ask for a path such as ` +
        "/v1/models, without a backslash, of a host that is a name or an address.",
      { cause: thrown },
    );
  return toServerError(thrown instanceof PageFailure ? thrown.error : thrown);
}
