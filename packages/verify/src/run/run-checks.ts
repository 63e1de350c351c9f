/** Tries laws one after the other, and tells how far it is. */
import { VerifyError } from "../errors.js";
import type { CheckOptions } from "../laws/law.js";
import type { LawReport } from "../laws/law-report.js";
import type { PlannedCheck } from "./plan.js";

/** What a law came to on a subject. */
export interface Finding extends LawReport {
  /** The kind of law; of optimisers, which one. With the label it tells a report's row. */
  readonly group: string;
  readonly label: string;
  /** Runs that were planned; fewer were made where the law broke or someone interrupted. */
  readonly planned: number;
  readonly milliseconds: number;
}

/** Where a run stands. */
export interface RunProgress {
  /** The law that is tried now, as a report's row is called. */
  readonly group: string;
  readonly label: string;
  /** Its cases so far, those of shrinking included. */
  readonly cases: number;
  readonly planned: number;
  /** How many of the laws are done. */
  readonly done: number;
}

/** How to run. */
export interface RunOptions {
  readonly seed: number;
  /** Replays a counterexample of this seed. */
  readonly path?: string;
  /** Ends the run after the case that it is at. */
  readonly signal?: AbortSignal;
  /** Called a few times a second. */
  readonly onProgress?: (progress: RunProgress) => void;
}

/** Between two that are told: a display needs no more. */
const millisecondsBetweenPulses = 50;

/**
 * Tries every check and yields what it found. Other work has its turn between two cases, so that signals are heard
 * although the backends compute at once. What goes wrong while a law is tried is that law's breach.
 *
 * @throws VerifyError `aborted`, once what was found until then has come; `bad-input` where a law has no case at `path`
 */
export async function* runChecks(
  checks: readonly PlannedCheck[],
  options: RunOptions,
): AsyncGenerator<Finding, void, undefined> {
  for (const [done, check] of checks.entries()) {
    throwIfAborted(options.signal);
    yield await runCheck(check, done, options);
  }
  throwIfAborted(options.signal);
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (!signal?.aborted) return;
  throw new VerifyError("aborted", "The verification was interrupted.", { cause: signal.reason });
}

async function runCheck(check: PlannedCheck, done: number, options: RunOptions): Promise<Finding> {
  const { seed, path, signal, onProgress } = options;
  const began = performance.now();
  let last = began;
  let cases = 0;
  const tell = () =>
    onProgress?.({ group: check.group, label: check.label, cases, planned: check.runs, done });
  tell();
  const report = await tryCheck(check, {
    seed,
    ...(path !== undefined && { path }),
    ...(signal && { signal }),
    onCase() {
      cases += 1;
      if (performance.now() - last < millisecondsBetweenPulses) return;
      tell();
      last = performance.now();
    },
  });
  return {
    ...report,
    group: check.group,
    label: check.label,
    planned: check.runs,
    milliseconds: performance.now() - began,
  };
}

/** An exception that no case answers for, a case that can't be written for instance, breaks the law too. */
async function tryCheck(check: PlannedCheck, options: CheckOptions & { seed: number }): Promise<LawReport> {
  const { seed, path } = options;
  try {
    return await check.check(options);
  } catch (cause) {
    if (path !== undefined) throw noSuchCase(check, seed, path, cause);
    const counterexample = { example: "not known", seed, path: "0", thrown: nameThrown(cause) };
    return { law: check.name, subject: check.subject, outcome: "broken", runs: 0, counterexample };
  }
}

function noSuchCase({ name }: PlannedCheck, seed: number, path: string, cause: unknown): VerifyError {
  const message = `${name} has no case at path ${path} of seed ${seed}: take both from where it broke.`;
  return new VerifyError("bad-input", message, { cause });
}

function nameThrown(cause: unknown): string {
  return cause instanceof Error ? String(cause) : `a ${typeof cause} that is no error`;
}
