/** A verification in a terminal: a row for each law, a column for each backend, filled in while it runs. */
import {
  describeBreach,
  type Finding,
  formatSize,
  joinNames,
  listBreaches,
  type PlannedCheck,
  type ReportRow,
  type RunProgress,
  tabulateFindings,
  total,
  type Verification,
  type VerifiedSubject,
} from "@amulet-ts/verify";
import type { Colors } from "picocolors/types.js";
import { formatDuration } from "../../terminal/download-rate.js";
import { formatCount } from "../../terminal/output.js";
import { layOutTable } from "../../terminal/table.js";

/** A column: what was found, what is still to be tried, and where the law under trial stands. */
export interface Column {
  readonly name: string;
  readonly findings: readonly Finding[];
  /** Where it is complete, its findings say what was planned. */
  readonly planned?: readonly PlannedCheck[];
  readonly progress?: RunProgress;
}

/** The table's lines, the group's name before the first of its laws; and which line is being filled in. */
export function formatTable(
  columns: readonly Column[],
  colors: Colors,
): { lines: string[]; current: number } {
  const rows = rowsOf(columns);
  const head = ["", ...columns.flatMap(({ name }) => [name, ""])];
  const body = rows.map(({ label }, i) => [
    label,
    ...columns.flatMap((column) => cellsOf(column, rows[i]!, colors)),
  ]);
  const rightAligned = columns.map((_, i) => 1 + 2 * i);
  const [first = "", ...laidOut] = layOutTable([head, ...body.map(indent)], rightAligned);
  const lines = [colors.bold(first)];
  let current = 0;
  for (const [i, line] of laidOut.entries()) {
    const { group, label } = rows[i]!;
    if (columns.some(({ progress: at }) => at?.group === group && at.label === label)) current = lines.length;
    if (group !== rows[i - 1]?.group) lines.push(colors.bold(group));
    lines.push(line);
  }
  return { lines, current };
}

const indent = ([label, ...cells]: readonly string[]) => [`  ${label}`, ...cells];

type Row = Pick<ReportRow, "group" | "label">;

/** Every law of any column, whether it has been tried or not. */
function rowsOf(columns: readonly Column[]): readonly Row[] {
  const planned = columns.map(({ name, findings, planned = findings }) => ({
    name,
    description: "",
    seconds: 0,
    findings: planned.map(({ group, label }) => ({ group, label }) as Finding),
  }));
  return tabulateFindings(planned);
}

/** The error and what it is allowed to be. */
function cellsOf(
  { findings, planned = [], progress }: Column,
  { group, label }: Row,
  colors: Colors,
): [string, string] {
  const isRow = (one: Row) => one.group === group && one.label === label;
  const finding = findings.find(isRow);
  if (finding) return formatFinding(finding, colors);
  if (progress && isRow(progress)) return [colors.cyan(formatShare(progress)), ""];
  return [colors.dim(planned.some(isRow) ? "·" : ""), ""];
}

function formatShare({ cases, planned }: RunProgress): string {
  return `${Math.min(99, Math.floor((100 * cases) / planned))} %`;
}

function formatFinding(finding: Finding, { green, red, dim, yellow }: Colors): [string, string] {
  const { outcome, worst, counterexample } = finding;
  if (outcome === "skipped") return [dim("skipped"), ""];
  if (outcome === "broken") {
    const judgement = counterexample?.judgement;
    if (!judgement) return [red("✗ threw"), ""];
    return [red(`✗ ${formatSize(judgement.error)}`), red(`> ${formatSize(judgement.tolerance)}`)];
  }
  if (!worst) return [yellow("… nothing yet"), ""];
  const mark = outcome === "held" ? green("✓") : yellow("…");
  if (worst.tolerance === 0) return [`${mark} exact`, ""];
  return [`${mark} ${formatSize(worst.error)}`, dim(`≤ ${formatSize(worst.tolerance)}`)];
}

/** Below the table: each broken law with its smallest case and how to come to it again. */
export function formatBreaches(
  subjects: readonly VerifiedSubject[],
  replay: (finding: Finding, subject: VerifiedSubject) => string,
  { red, dim }: Colors,
): string[] {
  return listBreaches(subjects).flatMap(({ finding, column, law }) => {
    const judged = { ...finding, subject: nameJudged(finding, column) };
    const [first, ...rest] = describeBreach(law, judged).split("\n");
    return ["", red(`✗ ${first}`), ...rest, `  replay         ${dim(replay(finding, column))}`];
  });
}

function nameJudged({ subject }: Finding, { name }: VerifiedSubject): string {
  return subject === name ? name : `${subject} on ${name}`;
}

/** One sentence for all laws that want the same missing operations. */
export function formatSkips(subjects: readonly VerifiedSubject[]): string[] {
  const byReason = new Map<string, Set<string>>();
  for (const { law, subject, outcome, missing = [] } of subjects.flatMap(({ findings }) => findings)) {
    if (outcome !== "skipped") continue;
    const reason = `${subject} has no ${missing.join(" and no ")}`;
    byReason.set(reason, (byReason.get(reason) ?? new Set()).add(law));
  }
  return [...byReason].map(([reason, laws]) => `Skipped since ${reason}: ${[...laws].join(", ")}.`);
}

/** The last line: what it all amounts to. */
export function formatVerdict(verification: Verification, { green, red, yellow, bold }: Colors): string {
  const { subjects, interrupted, seed } = verification;
  const { held, broken, cases, seconds } = total(subjects);
  const where = joinNames(subjects.map(({ name }) => name));
  const facts = `${cases.toLocaleString("en-US")} cases in ${formatDuration(seconds)}, seed ${seed}`;
  if (interrupted)
    return yellow(
      `Interrupted: ${formatCount(held, "check")} held and ${broken} broke until then; ${facts}.`,
    );
  if (broken > 0) return `${red(bold(`${broken} of ${held + broken} checks broke on ${where}`))}; ${facts}.`;
  if (held === 0) return yellow(`No law was judged${where && ` on ${where}`}; ${facts}.`);
  return `${green(bold(`Every law that was tried holds on ${where}`))}; ${facts}.`;
}
