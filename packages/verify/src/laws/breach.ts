/** A broken law as a person reads it: the law, the smallest case, what should have come out and what did. */
import { largest, type Row, smallest } from "../oracles/distribution.js";
import type { Compared } from "./judgement.js";
import type { LawReport } from "./law-report.js";

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

/** Whatever a subject gave, which its types may not keep. */
function write(value: unknown, entry = 0): string {
  if (typeof value === "number") return round(value);
  if (!isRow(value)) return nameOther(value);
  if (value.length <= longestRow) return `[${Array.from(value, round).join(", ")}]`;
  const numbers = Array.from(value, (one: unknown) => (typeof one === "number" ? one : Number.NaN));
  return `${round(value[entry])} there, ${value.length} entries from ${round(smallest(numbers))} to ${round(largest(numbers))}`;
}

function isRow(value: unknown): value is Row {
  return Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView));
}

function nameOther(value: unknown): string {
  if (value === undefined || value === null) return "nothing";
  if (typeof value === "object") return "an object";
  return typeof value === "function" ? "a function" : String(value);
}

/** Seven digits: what float32 keeps. */
function round(value: unknown): string {
  return typeof value === "number" ? String(Number(value.toPrecision(7))) : nameOther(value);
}
