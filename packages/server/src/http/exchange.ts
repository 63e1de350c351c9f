/** What a route is given: a request on its way to an answer, and the house that it came to. */
import type { HttpBindings } from "@hono/node-server";
import type { Context } from "hono";
import type { CheckedOptions } from "../options.js";
import type { ServerState } from "../state.js";
import type { Metrics } from "../watch/metrics.js";
import type { OpenRecord } from "../watch/request-record.js";
import type { SlowReaders } from "./slow-readers.js";

export interface House {
  readonly state: ServerState;
  readonly options: CheckedOptions;
  readonly metrics: Metrics;
  readonly slowReaders: SlowReaders;
}

export interface Env {
  Bindings: HttpBindings;
  Variables: { readonly record: OpenRecord };
}

export type Exchange = Context<Env>;
