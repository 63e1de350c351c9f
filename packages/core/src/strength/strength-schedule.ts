/** Strengths that change in the course of an answer, written as text: `1:0..8, 5.6:8..`. */

import { CoreError } from "../errors.js";
import { guidanceMethod, type Method } from "../methods/method.js";
import { checkGiven, text as givenText } from "../port/given.js";

/** One strength and the tokens it holds for. */
export interface ScheduledStrength {
  /** x: 0 is the base policy, 1 the preference policy. */
  readonly guidanceScale: number;
  /** First token; the answer's first has the number 0. */
  readonly from: number;
  /** The token it no longer holds for; Infinity for the last part. */
  readonly to: number;
}

export interface StrengthSchedule {
  /** In order, without gaps. */
  readonly parts: readonly ScheduledStrength[];
  /** The method for the token with this number: the same object for every token of a part. */
  methodAt(token: number): Method;
  /** For a request's `beforeToken`. */
  readonly beforeToken: (generated: readonly number[]) => { readonly method: Method };
}

/**
 * Reads a schedule: parts `x:from..to` parted by commas, `to` not included, the last part without an end.
 *
 * @example `strengthSchedule("1:0..8, 5.6:8..")` follows the preference prompt for eight tokens, then goes past it.
 * @throws CoreError `bad-strength`, quoting the part that is off
 */
export function strengthSchedule(text: string): StrengthSchedule {
  checkGiven(text, givenText, "The strength schedule", "bad-strength");
  const named = text.split(",").map((part) => ({ part: part.trim(), ...readPart(part.trim()) }));
  named.sort((a, b) => a.from - b.from);
  checkOrder(named);
  const parts = named.map(({ guidanceScale, from, to }) => ({ guidanceScale, from, to }));
  const methods = parts.map(({ guidanceScale }) => guidanceMethod(guidanceScale, "schedule"));
  const methodAt = (token: number) => methods[parts.findIndex(({ to }) => token < to)]!;
  return { parts, methodAt, beforeToken: ({ length }) => ({ method: methodAt(length) }) };
}

interface NamedPart extends ScheduledStrength {
  /** As it was written. */
  readonly part: string;
}

function readPart(part: string): ScheduledStrength {
  const [, scale, from, to] = /^([^:\s]+)\s*:\s*(\d+)\s*\.\.\s*(\d*)$/.exec(part) ?? [];
  if (scale === undefined || !Number.isFinite(Number(scale))) {
    throw wrong(`"${part}" is none: a part is a strength and the tokens it holds for`);
  }
  const strength = {
    guidanceScale: Number(scale),
    from: Number(from),
    to: to ? Number(to) : Number.POSITIVE_INFINITY,
  };
  if (strength.to <= strength.from) throw wrong(`"${part}" ends before it begins`);
  return strength;
}

/** @param parts sorted by their first token */
function checkOrder(parts: readonly NamedPart[]): void {
  const [first, last] = [parts[0]!, parts.at(-1)!];
  if (first.from !== 0) throw wrong(`no part holds for the tokens before "${first.part}"`);
  for (const [i, next] of parts.slice(1).entries()) {
    const { part, to } = parts[i]!;
    if (next.from < to) throw wrong(`"${part}" and "${next.part}" overlap`);
    if (next.from > to) throw wrong(`no part holds for the tokens between "${part}" and "${next.part}"`);
  }
  if (last.to !== Number.POSITIVE_INFINITY) {
    throw wrong(`no part holds for the tokens after "${last.part}"; leave its end open`);
  }
}

function wrong(what: string): CoreError {
  return new CoreError(
    "bad-strength",
    `In the strength schedule, ${what}. Write it like "1:0..8, 5.6:8..": x = 1 for the first eight tokens, 5.6 from then on.`,
  );
}
