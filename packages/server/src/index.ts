export { ServerError, type ServerErrorCode } from "./errors.js";
export { isLoopback } from "./http/hosts.js";
export { faultOfOrigin } from "./http/origins.js";
export type { PageFile, ServerOptions } from "./options.js";
export { type RunningServer, startServer } from "./serve.js";
export type { RequestRecord } from "./watch/request-record.js";
