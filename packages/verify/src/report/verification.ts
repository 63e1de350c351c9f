/** What a whole verification found, as plain data, and as the rows of a table law × backend. */
import type { Compared, Value } from "../laws/judgement.js";
import { listLaws } from "../run/plan.js";
import type { Finding } from "../run/run-checks.js";
import { groupBy } from "./group-by.js";

/** What one implementation, on one backend, came to. */
export interface VerifiedSubject {
  /** Heads its column: the backend, or the file that was judged. */
  readonly name: string;
  /** For people: what it is and runs on, with versions. */
  readonly description: string;
  readonly findings: readonly Finding[];
  readonly seconds: number;
  /** The file that was judged, as it was named; absent where ours was, on the backend `name`. */
  readonly file?: string;
}

/** Of a verification that was put together: how often which laws were to be tried on which columns. */
export interface VerificationPart {
  readonly runs: number;
  readonly laws: readonly string[];
  readonly subjects: readonly string[];
}

/** A verification: everything that a report says. */
export interface Verification {
  /** ISO 8601. */
  readonly startedAt: string;
  readonly seed: number;
  /** Cases for each law, before the shares of slow ones; where there are parts, the most that any had. */
  readonly runs: number;
  /** Set where several runs were put together. */
  readonly parts?: readonly VerificationPart[];
  /** What it ran on: names and versions. */
  readonly software: Readonly<Record<string, string>>;
  readonly subjects: readonly VerifiedSubject[];
  /** Someone ended it: what is missing was not tried. */
  readonly interrupted: boolean;
}

/** A law, and what each subject's column says of it; undefined where it was not tried. */
export interface ReportRow {
  readonly group: string;
  readonly label: string;
  readonly findings: readonly (Finding | undefined)[];
}

/** Law × subject. */
export function tabulateFindings(subjects: readonly VerifiedSubject[]): ReportRow[] {
  const rows = new Map<string, ReportRow>();
  for (const { group, label } of subjects.flatMap(({ findings }) => findings)) {
    const key = `${group}/${label}`;
    if (rows.has(key)) continue;
    const isRow = (finding: Finding) => finding.group === group && finding.label === label;
    rows.set(key, { group, label, findings: subjects.map((subject) => subject.findings.find(isRow)) });
  }
  return inGroups([...rows.values()]);
}

/** Laws of one group stand together, in the order in which the groups appear. */
function inGroups(rows: readonly ReportRow[]): ReportRow[] {
  const groups = [...new Set(rows.map(({ group }) => group))];
  return groups.flatMap((group) => rows.filter((row) => row.group === group));
}

/** What a verification amounts to. */
export interface Totals {
  readonly held: number;
  readonly broken: number;
  readonly skipped: number;
  /** Held as far as they were tried, and then interrupted. */
  readonly interrupted: number;
  /** Cases tried, those of shrinking not counted. */
  readonly cases: number;
  readonly seconds: number;
}

/** Adds up. */
export function total(subjects: readonly VerifiedSubject[]): Totals {
  const findings = subjects.flatMap((subject) => subject.findings);
  const count = (wanted: Finding["outcome"]) => findings.filter(({ outcome }) => outcome === wanted).length;
  return {
    held: count("held"),
    broken: count("broken"),
    skipped: count("skipped"),
    interrupted: count("interrupted"),
    cases: findings.reduce((sum, { runs }) => sum + runs, 0),
    seconds: subjects.reduce((sum, { seconds }) => sum + seconds, 0),
  };
}

/** `3.1e-6 ≤ 1.9e-5`: the worst error beside its tolerance, both of the one case that came nearest. */
export function formatWorst({ worst, outcome, counterexample }: Finding): string {
  const judgement = outcome === "broken" ? counterexample?.judgement : worst;
  if (counterexample?.thrown !== undefined) return "it threw";
  if (!judgement) return outcome === "skipped" ? "skipped" : "nothing tried";
  const { error, tolerance } = judgement;
  if (tolerance === 0 && error === 0) return "exact";
  return `${formatSize(error)} ${error <= tolerance ? "≤" : ">"} ${formatSize(tolerance)}`;
}

/** `100,000`, or what is true of each part: `100,000 for strength and step on cpu; 1,000 for run on cpu`. */
export function describeRuns({ runs, parts = [] }: Verification): string {
  if (parts.length < 2) return formatWhole(parts[0]?.runs ?? runs);
  return parts
    .map((part) => `${formatWhole(part.runs)} for ${nameLaws(part.laws)} on ${joinNames(part.subjects)}`)
    .join("; ");
}

/** Whole kinds by their names, what is left by the laws' own. */
function nameLaws(names: readonly string[]): string {
  const kinds = [...groupBy(listLaws(), ({ group }) => group)];
  const texts = kinds.flatMap(([group, laws]) => {
    const own = laws.map(({ name }) => name).filter((name) => names.includes(name));
    return own.length === laws.length ? [group] : own;
  });
  return joinNames(texts);
}

/** `cpu, wasm and node`. */
export function joinNames(names: readonly string[]): string {
  return names.length < 2 ? names.join() : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}

/** `100,000`. */
export function formatWhole(value: number): string {
  return value.toLocaleString("en-US");
}

/** Two digits: enough to compare an error with its tolerance. */
export function formatSize(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : "∞";
  if (value === 0) return "0";
  const size = Math.abs(value);
  return size >= 1e-3 && size < 1e4 ? String(Number(value.toPrecision(2))) : value.toExponential(1);
}

/** Why a law was not tried, as a sentence. */
export function explainSkip({ law, subject, missing = [] }: Finding): string {
  return `${law} was skipped: ${subject} has no ${missing.join(", no ")}.`;
}

/** The numbers without tensors' row types: what JSON can hold and a reader wants. */
export function toPlainData(verification: Verification): unknown {
  const subjects = verification.subjects.map((subject) => ({
    ...subject,
    findings: subject.findings.map(plainFinding),
  }));
  return { ...verification, subjects };
}

function plainFinding(finding: Finding): unknown {
  const { worst, counterexample, milliseconds, ...rest } = finding;
  return {
    ...rest,
    milliseconds: Math.round(milliseconds),
    ...(worst && { worst: { error: worst.error, tolerance: worst.tolerance } }),
    ...(counterexample && { counterexample: plainCounterexample(counterexample) }),
  };
}

function plainCounterexample({ judgement, ...rest }: NonNullable<Finding["counterexample"]>): unknown {
  if (!judgement) return rest;
  const { compared, ...numbers } = judgement;
  return { ...rest, judgement: { ...numbers, ...(compared && { compared: plainCompared(compared) }) } };
}

function plainCompared({ expected, got, ...rest }: Compared): unknown {
  const plain = (value: Value) => (typeof value === "object" && value !== null ? Array.from(value) : value);
  return { ...rest, expected: plain(expected), got: plain(got) };
}
