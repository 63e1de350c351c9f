/** The laws and the planted faults as tables for readers: written by a command, never by hand. */
import { algorithmLaws, forwardLaws, optimiserLaws } from "../laws/index.js";
import type { Law } from "../laws/law.js";
import type { LawReport } from "../laws/law-report.js";
import { algorithmMutants } from "../mutants/algorithm.js";
import { forwardMutants } from "../mutants/forward.js";
import { optimiserMutants } from "../mutants/optimiser.js";
import { listLaws } from "../run/plan.js";
import type { Subject } from "../subject.js";
import { lawSources } from "./sources.js";

/** Every law with its statement and its source, in Markdown. */
export function writeLawTable(): string {
  const rows = listLaws().map(({ group, name, statement }) => [
    group,
    `\`${name}\``,
    statement,
    lawSources[name] ?? "",
  ]);
  return writeTable(["kind", "law", "statement", "source"], rows);
}

/** A planted fault and every law that breaks on it. */
export interface CaughtFault {
  readonly name: string;
  readonly fault: string;
  /** The law that must catch it, named with the fault. */
  readonly caughtBy: string;
  /** All laws that did catch it. */
  readonly breaks: readonly string[];
}

/** Tries every law on every planted fault. @param onFault called after each */
export async function catchFaults(
  options: { readonly runs: number; readonly seed: number },
  onFault?: (fault: CaughtFault) => void,
): Promise<CaughtFault[]> {
  const caught: CaughtFault[] = [];
  const note = async <Operations>(laws: readonly Law<Operations>[], mutant: Planted<Operations>) => {
    caught.push(await catchFault(laws, mutant, options));
    onFault?.(caught.at(-1)!);
  };
  for (const mutant of algorithmMutants) await note(algorithmLaws, mutant);
  for (const mutant of forwardMutants) await note(forwardLaws, mutant);
  for (const mutant of optimiserMutants) await note(optimiserLaws, mutant);
  return caught;
}

interface Planted<Operations> {
  readonly name: string;
  readonly fault: string;
  readonly caughtBy: string;
  readonly subject: Subject<Operations>;
}

async function catchFault<Operations>(
  laws: readonly Law<Operations>[],
  { name, fault, caughtBy, subject }: Planted<Operations>,
  options: { readonly runs: number; readonly seed: number },
): Promise<CaughtFault> {
  const reports: LawReport[] = [];
  for (const law of laws) reports.push(await law.check(subject, options));
  const breaks = reports.filter(({ outcome }) => outcome === "broken").map(({ law }) => law);
  return { name, fault, caughtBy, breaks };
}

/** The faults and what catches them, in Markdown. */
export function writeFaultTable(faults: readonly CaughtFault[]): string {
  const rows = faults.map(({ name, fault, caughtBy, breaks }) => [
    `\`${name}\``,
    fault,
    [caughtBy, ...breaks.filter((law) => law !== caughtBy)].map((law) => `\`${law}\``).join(", "),
  ]);
  return writeTable(["fault", "what was done", "caught by"], rows);
}

function writeTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}
