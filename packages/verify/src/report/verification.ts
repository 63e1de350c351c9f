/** What a whole verification found, as plain data, and as the rows of a table law × backend. */

import { VerifyError } from "../errors.js";
import type { Compared, Value } from "../laws/judgement.js";
import { listLaws } from "../run/plan.js";
import type { Finding } from "../run/run-checks.js";

/** What one implementation, on one backend, came to. */
export interface VerifiedSubject {
  /** Heads its column: the backend, or the file that was judged. */
  readonly name: string;
  /** For people: what it is and runs on, with versions. */
  readonly description: string;
  readonly findings: readonly Finding[];
  readonly seconds: number;
}

/** A verification: everything that a report says. */
export interface Verification {
  /** ISO 8601. */
  readonly startedAt: string;
  readonly seed: number;
  /** Cases for each law, before the shares of slow ones. */
  readonly runs: number;
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

/**
 * Runs that were divided among processes or machines, as one: columns of the same name are put together. A law that
 * was tried more than once counts by its longest run.
 *
 * @throws VerifyError `bad-input` where seeds differ, since one report states one
 */
export function joinVerifications([first, ...rest]: readonly [
  Verification,
  ...Verification[],
]): Verification {
  const all = [first, ...rest];
  const other = rest.find(({ seed }) => seed !== first.seed);
  if (other) {
    throw new VerifyError(
      "bad-input",
      `Runs are joined that had the same seed; these had ${first.seed} and ${other.seed}.`,
    );
  }
  const subjects = joinSubjects(all.flatMap((one) => one.subjects));
  return {
    ...first,
    startedAt: all.map(({ startedAt }) => startedAt).sort()[0]!,
    runs: Math.max(...all.map(({ runs }) => runs)),
    software: Object.assign({}, ...all.map(({ software }) => software)),
    subjects,
    interrupted: subjects.some(({ findings }) => findings.some(({ outcome }) => outcome === "interrupted")),
  };
}

function joinSubjects(subjects: readonly VerifiedSubject[]): VerifiedSubject[] {
  return [...new Set(subjects.map(({ name }) => name))].map((name) => {
    const parts = subjects.filter((subject) => subject.name === name);
    return {
      ...parts[0]!,
      findings: joinFindings(parts.flatMap(({ findings }) => findings)),
      seconds: parts.reduce((sum, { seconds }) => sum + seconds, 0),
    };
  });
}

function joinFindings(findings: readonly Finding[]): Finding[] {
  const order = listLaws().map(({ name }) => name);
  const byRow = new Map<string, Finding>();
  for (const finding of findings) {
    const key = `${finding.group}/${finding.label}`;
    const known = byRow.get(key);
    if (!known || weight(finding) > weight(known)) byRow.set(key, finding);
  }
  return [...byRow.values()].sort((left, right) => order.indexOf(left.law) - order.indexOf(right.law));
}

/** A broken law is never outweighed. */
function weight({ outcome, runs }: Finding): number {
  return outcome === "broken" ? Number.POSITIVE_INFINITY : runs;
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
  const plain = (value: Value) => (typeof value === "object" ? Array.from(value) : value);
  return { ...rest, expected: plain(expected), got: plain(got) };
}
