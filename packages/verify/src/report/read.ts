/** A verification from JSON, as `toPlainData` wrote it, with every field that a report reads checked. */
import * as v from "valibot";
import { VerifyError } from "../errors.js";
import type { Verification } from "./verification.js";

// Every schema's message is what it expects, in a noun.

/** Without control characters: it will be printed, and must not command a terminal. */
const text = v.pipe(
  v.string("a text"),
  v.transform((value) => value.replace(/\p{Cc}/gu, "")),
);
const flag = v.boolean("true or false");
const list = <T extends v.GenericSchema>(item: T) => v.array(item, "a list");

/** JSON has no NaN and no infinities: they are read from their names. */
const number = v.pipe(
  v.union([v.number(), v.picklist(["NaN", "Infinity", "-Infinity"])], "a number"),
  v.transform(Number),
);

/** A field that is not there is told by what it should be. */
function fields<const T extends v.ObjectEntries>(entries: T) {
  return v.object(entries, ({ expected, path }) => {
    const missing = expected === "Object" ? undefined : entries[String(path?.at(-1)?.key)];
    const message = missing && "message" in missing ? missing.message : undefined;
    return typeof message === "string" ? message : "an object";
  });
}

const judgement = fields({
  error: number,
  tolerance: number,
  // A result that was no number at all is absent in JSON.
  compared: v.exactOptional(
    fields({
      what: text,
      expected: v.exactOptional(v.unknown()),
      got: v.exactOptional(v.unknown()),
      entry: v.exactOptional(number),
    }),
  ),
});

const counterexample = fields({
  example: text,
  seed: number,
  path: text,
  judgement: v.exactOptional(judgement),
  thrown: v.exactOptional(text),
});

const outcomes = ["held", "broken", "skipped", "interrupted"] as const;

const finding = fields({
  group: text,
  label: text,
  law: text,
  subject: text,
  outcome: v.picklist(outcomes, `one of ${outcomes.join(", ")}`),
  runs: number,
  planned: number,
  milliseconds: number,
  worst: v.exactOptional(judgement),
  counterexample: v.exactOptional(counterexample),
  missing: v.exactOptional(list(text)),
});

const verification = fields({
  startedAt: text,
  seed: number,
  runs: number,
  software: v.record(v.string(), text, "an object"),
  subjects: list(
    fields({
      name: text,
      description: text,
      seconds: number,
      findings: list(finding),
      file: v.exactOptional(text),
    }),
  ),
  interrupted: flag,
  parts: v.exactOptional(list(fields({ runs: number, laws: list(text), subjects: list(text) }))),
});

/**
 * Reads what JSON.parse gave.
 *
 * @param source what the value is from, for the error
 * @throws VerifyError `bad-input`, naming the field that is not what it should be
 */
export function readVerification(value: unknown, source: string): Verification {
  const { success, output, issues } = v.safeParse(verification, value, { abortEarly: true });
  if (success) return output as Verification;
  const [{ path = [], message, input }] = issues;
  const field = path.map(({ key }) => (typeof key === "number" ? `[${key}]` : `.${key}`)).join("");
  const found = JSON.stringify(input)?.slice(0, 40) ?? "missing";
  const where = field === "" ? "" : ` ${field.slice(1)} must be ${message}; it is ${found}.`;
  throw new VerifyError("bad-input", `${source} is not what \`amulet verify --json\` writes.${where}`);
}
