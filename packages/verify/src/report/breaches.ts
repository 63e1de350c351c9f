import { listLaws } from "../run/plan.js";
import type { Finding } from "../run/run-checks.js";
import type { VerifiedSubject } from "./verification.js";

/** A law that a subject broke, with what is needed to say so. */
export interface ReportedBreach {
  readonly finding: Finding;
  readonly column: VerifiedSubject;
  readonly law: { readonly name: string; readonly statement: string };
}

/** Every broken law of every subject, in the order in which they were tried. */
export function listBreaches(subjects: readonly VerifiedSubject[]): ReportedBreach[] {
  const statements = new Map(listLaws().map(({ name, statement }) => [name, statement]));
  return subjects.flatMap((column) =>
    column.findings
      .filter(({ outcome }) => outcome === "broken")
      .map((finding) => {
        const law = { name: finding.law, statement: statements.get(finding.law) ?? "" };
        return { finding, column, law };
      }),
  );
}
