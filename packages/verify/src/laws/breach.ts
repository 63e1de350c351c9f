/** A broken law as a person reads it: the law, the smallest case, what should have come out and what did. */
import { largest, smallest } from "../oracles/distribution.js";
import type { Compared, Value } from "./judgement.js";
import type { LawReport } from "./law.js";

/**
 * Several lines, the law's name in the first.
 *
 * @param law name and statement of the law that the report is of
 */
export function describeBreach(
  { name, statement }: { readonly name: string; readonly statement: string },
  { subject, counterexample }: LawReport,
): string {
  const { example, judgement, thrown } = counterexample ?? { example: "none" };
  const found = thrown === undefined ? [] : [`  it threw       ${thrown}`];
  if (judgement?.compared) found.push(...describeCompared(judgement.compared));
  if (judgement)
    found.push(`  off by         ${round(judgement.error)}, allowed ${round(judgement.tolerance)}`);
  return [
    `${subject} breaks the law "${name}".`,
    `  the law        ${statement}`,
    `  smallest case  ${example}`,
    ...found,
  ].join("\n");
}

function describeCompared({ what, expected, got, entry }: Compared): string[] {
  const at = entry === undefined ? "" : ` (the entry that is furthest off is number ${entry})`;
  return [
    `  compared       ${what}${at}`,
    `  expected       ${write(expected, entry)}`,
    `  got            ${write(got, entry)}`,
  ];
}

/** Rows longer than this are cut to what surrounds the worst entry. */
const longestRow = 8;

function write(value: Value, entry = 0): string {
  if (typeof value === "string") return value;
  if (typeof value === "number") return round(value);
  if (value.length <= longestRow) return `[${Array.from(value, round).join(", ")}]`;
  return `${round(value[entry] ?? Number.NaN)} there, ${value.length} entries from ${round(smallest(value))} to ${round(largest(value))}`;
}

/** Seven digits: what float32 keeps. */
function round(value: number): string {
  return String(Number(value.toPrecision(7)));
}
