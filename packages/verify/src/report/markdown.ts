/** A verification as a page. */
import { describeBreach } from "../laws/breach.js";
import type { Finding } from "../run/run-checks.js";
import { listBreaches } from "./breaches.js";
import {
  describeRuns,
  explainSkip,
  formatWhole,
  formatWorst,
  type ReportRow,
  tabulateFindings,
  total,
  type Verification,
  type VerifiedSubject,
} from "./verification.js";

/**
 * The report in Markdown: what ran, what came out, the table, and every counterexample.
 *
 * @param replay the command that comes to a counterexample again
 */
export function writeReport(
  verification: Verification,
  replay: (finding: Finding, subject: VerifiedSubject) => string,
): string {
  const rows = tabulateFindings(verification.subjects);
  return `${[
    "# Verification report",
    "",
    ...writeFacts(verification),
    "",
    ...writeVerdict(verification),
    "",
    ...writeTable(verification, rows),
    ...writeBreaches(verification, replay),
    ...writeSkips(verification),
  ].join("\n")}\n`;
}

function writeFacts(verification: Verification): string[] {
  const { startedAt, seed, software, subjects } = verification;
  const { cases, seconds } = total(subjects);
  return [
    "| | |",
    "| --- | --- |",
    `| started | ${startedAt} |`,
    `| seed | ${seed} |`,
    `| cases for each law, before the share of slow ones | ${describeRuns(verification)} |`,
    `| cases tried | ${formatWhole(cases)} |`,
    `| duration | ${formatSeconds(seconds)} |`,
    ...Object.entries(software).map(([name, version]) => `| ${name} | ${version} |`),
    ...subjects.map(({ name, description, seconds: own }) => {
      return `| ${name} | ${escapeCell(description)}; ${formatSeconds(own)} |`;
    }),
  ];
}

function writeVerdict({ subjects, interrupted }: Verification): string[] {
  const { held, broken, skipped, interrupted: cut } = total(subjects);
  const short = cut > 0 ? `, ${cut} held until they were interrupted` : "";
  const counts = `${held} held, ${broken} broken, ${skipped} skipped${short}.`;
  const isEmpty = held + broken + cut === 0;
  const kept = isEmpty ? "Nothing was judged" : "Every law that was tried holds";
  const verdict = broken === 0 ? kept : "Not every law holds";
  return [
    `**${verdict}:** ${counts}`,
    ...(interrupted
      ? ["", "**Interrupted:** of some laws fewer cases were tried than planned; the table says how many."]
      : []),
    "",
    "A cell is the worst error that was observed beside the tolerance of that very case: of all cases the one that",
    "came nearest to breaking the law, the error being measured in units of its tolerance.",
  ];
}

function writeTable({ subjects, parts }: Verification, rows: readonly ReportRow[]): string[] {
  const heads = subjects.flatMap(({ name }) => [name, "runs"]);
  const lines = rows.flatMap((row, i) => {
    const group =
      rows[i - 1]?.group === row.group ? [] : [writeRow([`**${row.group}**`, ...heads.map(() => "")])];
    return [
      ...group,
      writeRow([row.label, ...row.findings.flatMap((finding) => writeCells(finding, parts !== undefined))]),
    ];
  });
  return [writeRow(["law", ...heads]), writeRow(["---", ...heads.map(() => "---:")]), ...lines];
}

/** @param isJoined then no head says what was planned for all, so that each cell does */
function writeCells(finding: Finding | undefined, isJoined: boolean): string[] {
  if (!finding) return ["", ""];
  const worst = formatWorst(finding);
  return [finding.outcome === "broken" ? `**${worst}**` : worst, formatRuns(finding, isJoined)];
}

function writeRow(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}

function writeBreaches(
  { subjects }: Verification,
  replay: (finding: Finding, subject: VerifiedSubject) => string,
): string[] {
  return listBreaches(subjects).flatMap(({ finding, column, law }) => {
    const lines = [describeBreach(law, finding), `  replay         ${replay(finding, column)}`];
    return ["", `## ${finding.label} on ${column.name}`, "", "```text", ...lines, "```"];
  });
}

function writeSkips({ subjects }: Verification): string[] {
  const skips = subjects.flatMap(({ findings }) => findings.filter(({ outcome }) => outcome === "skipped"));
  if (skips.length === 0) return [];
  return ["", "## Skipped", "", ...new Set(skips.map((finding) => `* ${explainSkip(finding)}`))];
}

function escapeCell(text: string): string {
  return text.replaceAll("|", "\\|");
}

function formatRuns({ outcome, runs, planned }: Finding, isJoined: boolean): string {
  return isJoined || outcome === "interrupted"
    ? `${formatWhole(runs)} of ${formatWhole(planned)}`
    : formatWhole(runs);
}

function formatSeconds(seconds: number): string {
  return seconds < 90 ? `${seconds.toFixed(1)} s` : `${(seconds / 60).toFixed(1)} min`;
}
