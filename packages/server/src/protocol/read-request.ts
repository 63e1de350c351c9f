/** From a body to a request that is checked. */
import * as v from "valibot";
import { ServerError } from "../errors.js";

/** @throws ServerError `bad-request`, naming the field */
export function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new ServerError("bad-request", `The body must be JSON: ${shorten((cause as Error).message)}.`, {
      cause,
    });
  }
}

/** @throws ServerError `bad-request`, naming the field */
export function readRequest<Schema extends v.GenericSchema>(
  schema: Schema,
  value: unknown,
): v.InferOutput<Schema> {
  const { success, output, issues } = v.safeParse(schema, value, { abortEarly: true });
  if (success) return output;
  throw refusal(issues[0]);
}

function refusal(issue: v.BaseIssue<unknown>): ServerError {
  const param = v.getDotPath(issue) ?? undefined;
  return new ServerError("bad-request", sentence(issue, param ?? "The body"), { param });
}

function sentence({ expected, received, message, input, type }: v.BaseIssue<unknown>, what: string): string {
  if (type === "strict_object" && expected === "never") return `There is no field ${what}.`;
  if (input === undefined) return `${what} is missing.`;
  if (type.endsWith("_length"))
    return `${what} must have a length ${shorten(expected ?? "")}; it has ${received}.`;
  // A message of ours says more than the kinds that were expected.
  if (expected === null || !message.startsWith("Invalid ")) return `${what} is wrong: ${shorten(message)}.`;
  return `${what} must be ${shorten(expected)}; it is ${shorten(received)}.`;
}

/** What came may be megabytes long. */
function shorten(text: string): string {
  return text.length > 120 ? `${text.slice(0, 120)}…` : text;
}
