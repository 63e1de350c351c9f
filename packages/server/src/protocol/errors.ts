/** Errors as OpenAI's clients read them. */
import { CoreError } from "@amulet-ts/core";
import { FilesError } from "@amulet-ts/files";
import * as v from "valibot";
import { ServerError, type ServerErrorCode } from "../errors.js";

export const errorSchema = v.object({
  error: v.object({
    message: v.string(),
    type: v.string(),
    param: v.nullable(v.string()),
    code: v.nullable(v.string()),
  }),
});
export type ErrorBody = v.InferOutput<typeof errorSchema>;

export type ErrorStatus = 400 | 401 | 403 | 404 | 408 | 413 | 415 | 429 | 500 | 503;

const kinds: Readonly<Record<ServerErrorCode, readonly [ErrorStatus, type: string, code: string]>> = {
  "bad-request": [400, "invalid_request_error", "invalid_value"],
  unsupported: [400, "invalid_request_error", "unsupported_value"],
  "context-overflow": [400, "invalid_request_error", "context_length_exceeded"],
  "bad-key": [401, "authentication_error", "invalid_api_key"],
  "foreign-host": [403, "invalid_request_error", "host_not_allowed"],
  "no-such-model": [404, "invalid_request_error", "model_not_found"],
  "not-found": [404, "invalid_request_error", "not_found"],
  "too-slow": [408, "invalid_request_error", "request_timeout"],
  "too-large": [413, "invalid_request_error", "request_too_large"],
  "encoded-body": [415, "invalid_request_error", "unsupported_content_encoding"],
  "queue-full": [429, "rate_limit_error", "rate_limit_exceeded"],
  "not-ready": [503, "server_error", "model_not_ready"],
  closing: [503, "server_error", "server_closing"],
  failed: [500, "server_error", "server_error"],
  "not-listening": [500, "server_error", "server_error"],
};

export function statusOf({ code }: ServerError): ErrorStatus {
  return kinds[code][0];
}

export function bodyOf({ code, message, param }: ServerError): ErrorBody {
  const [, type, name] = kinds[code];
  return { error: { message, type, param: param ?? null, code: name } };
}

const coreCodes: Readonly<Partial<Record<CoreError["code"], ServerErrorCode>>> = {
  "bad-request": "bad-request",
  "bad-strength": "bad-request",
  "bad-sampling": "bad-request",
  "context-overflow": "context-overflow",
  "not-covered": "unsupported",
  "queue-full": "queue-full",
  aborted: "closing",
};

/** Whatever was thrown, as an error of ours. */
export function toServerError(error: unknown): ServerError {
  if (error instanceof ServerError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new ServerError(codeOf(error), message, { cause: error });
}

function codeOf(error: unknown): ServerErrorCode {
  if (error instanceof CoreError) return coreCodes[error.code] ?? "failed";
  // A chat that the model's template refuses, such as two questions in a row; a text that takes too long to be cut.
  if (error instanceof FilesError && /^bad-(template|tokenizer|token)$/.test(error.code))
    return "bad-request";
  return "failed";
}
