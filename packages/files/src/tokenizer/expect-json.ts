import { FilesError } from "../errors.js";
import { isJsonObject } from "../places/read-json.js";

/** A JSON object as it comes from a file nobody has checked yet. */
export type JsonRecord = Readonly<Record<string, unknown>>;

/** The error for a tokenizer that can't be used; `expected` says what the file should have held. */
export function badTokenizer(where: string, expected: string, value: unknown): FilesError {
  return new FilesError("bad-tokenizer", `${where}: expected ${expected}, found ${describe(value)}.`);
}

export function expectRecord(value: unknown, where: string): JsonRecord {
  if (isJsonObject(value)) return value;
  throw badTokenizer(where, "an object", value);
}

export function expectArray(value: unknown, where: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw badTokenizer(where, "a list", value);
}

export function expectString(value: unknown, where: string): string {
  if (typeof value === "string") return value;
  throw badTokenizer(where, "a text", value);
}

export function expectCharacter(value: unknown, where: string): string {
  if (typeof value === "string" && [...value].length === 1) return value;
  throw badTokenizer(where, "one character", value);
}

/** A token id: an integer from 0 to 2³¹ − 1. */
export function expectId(value: unknown, where: string): number {
  if (isTokenId(value)) return value;
  throw badTokenizer(where, "a token id (an integer from 0)", value);
}

export function isTokenId(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value < 2 ** 31;
}

/** Any value in at most 60 characters, for the end of an error message. */
export function describe(value: unknown): string {
  if (value === undefined) return "nothing";
  if (typeof value === "bigint") return String(value);
  const text = JSON.stringify(value) ?? typeof value;
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
