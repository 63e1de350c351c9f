/** Errors on their way out of the worker: plain objects there, the house's classes again here. */
import { BackendError } from "@amulet-ts/backends";
import { CoreError } from "@amulet-ts/core";
import { FilesError } from "@amulet-ts/files/browser";
import { ModelError } from "@amulet-ts/models/browser";
import { WebError } from "../errors.js";

/** An error as a message can hold it. */
export interface SentError {
  readonly name: string;
  readonly message: string;
  readonly code?: string;
  /** Where it was thrown in the worker. */
  readonly stack?: string;
}

type Coded = new (code: never, message: string) => Error;

const classes: Readonly<Record<string, Coded>> = {
  BackendError,
  CoreError,
  FilesError,
  ModelError,
  WebError,
};

export function packError(error: unknown): SentError {
  if (!(error instanceof Error)) return { name: "Error", message: String(error) };
  const { name, message, stack } = error;
  const code = "code" in error && typeof error.code === "string" ? error.code : undefined;
  return { name, message, ...(code !== undefined && { code }), ...(stack !== undefined && { stack }) };
}

export function unpackError({ name, message, code, stack }: SentError): Error {
  const error =
    Object.hasOwn(classes, name) && code !== undefined
      ? new classes[name]!(code as never, message)
      : Object.assign(new Error(message), { name }, code !== undefined && { code });
  if (stack !== undefined) error.stack = stack;
  return error;
}
