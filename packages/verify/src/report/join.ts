/** Runs that were divided among processes or machines, put together into one verification. */
import { VerifyError } from "../errors.js";
import { listLaws } from "../run/plan.js";
import type { Finding } from "../run/run-checks.js";
import { groupBy } from "./group-by.js";
import type { Verification, VerificationPart, VerifiedSubject } from "./verification.js";

/**
 * Several runs as one: columns of the same name and file are put together. A law that was tried more than once counts
 * by its longest run, a broken one before all others; `parts` says what was wanted of which.
 *
 * @throws VerifyError `bad-input` where seeds differ, since one report states one
 */
export function joinVerifications(all: readonly [Verification, ...Verification[]]): Verification {
  const [first, ...rest] = all;
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
    parts: listParts(subjects, wantedRuns(all)),
    software: joinSoftware(all.map(({ software }) => software)),
    subjects,
    interrupted: subjects.some(({ findings }) => findings.some(({ outcome }) => outcome === "interrupted")),
  };
}

/** Every version of what the runs ran on, where they differ. */
function joinSoftware(all: readonly Verification["software"][]): Record<string, string> {
  const names = [...new Set(all.flatMap((software) => Object.keys(software)))];
  const versions = (name: string) => all.flatMap((software) => software[name]?.split("; ") ?? []);
  return Object.fromEntries(names.map((name) => [name, [...new Set(versions(name))].join("; ")]));
}

function joinSubjects(subjects: readonly VerifiedSubject[]): VerifiedSubject[] {
  const columns = groupBy(subjects, ({ name, file }) => JSON.stringify([name, file]));
  return [...columns.values()].map((parts) => ({
    ...parts[0]!,
    findings: joinFindings(parts.flatMap(({ findings }) => findings)),
    seconds: parts.reduce((sum, { seconds }) => sum + seconds, 0),
  }));
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

/** What `runs` was where a finding was made. Joining keeps the findings that it keeps as they are. */
function wantedRuns(all: readonly Verification[]): Map<Finding, number> {
  const entries = all.flatMap(({ runs, parts = [], subjects }) =>
    subjects.flatMap(({ name, findings }) =>
      findings.map((finding): [Finding, number] => {
        const own = parts.find((part) => part.subjects.includes(name) && part.laws.includes(finding.law));
        return [finding, own?.runs ?? runs];
      }),
    ),
  );
  return new Map(entries);
}

/** One for each number of runs and list of laws, the largest number first. */
function listParts(
  subjects: readonly VerifiedSubject[],
  wanted: ReadonlyMap<Finding, number>,
): VerificationPart[] {
  const parts = new Map<string, VerificationPart>();
  for (const { name, findings } of subjects) {
    for (const [runs, own] of groupBy(findings, (finding) => wanted.get(finding)!)) {
      const laws = [...new Set(own.map(({ law }) => law))];
      const key = JSON.stringify([runs, laws]);
      parts.set(key, { runs, laws, subjects: [...(parts.get(key)?.subjects ?? []), name] });
    }
  }
  return [...parts.values()].sort((left, right) => right.runs - left.runs);
}
