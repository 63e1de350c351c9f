/** A law: a statement about every subject, cases to try it on, and a judgement with its tolerance. */
import fc from "fast-check";
import { VerifyError } from "../errors.js";
import type {
  AlgorithmOperations,
  Awaitable,
  ForwardOperations,
  OptimiserOperations,
  Subject,
  SubjectWith,
} from "../subject.js";
import { describeBreach } from "./breach.js";
import { yieldToHost } from "./event-loop.js";
import { holds, type Judgement, strain } from "./judgement.js";
import type { Counterexample, LawReport } from "./law-report.js";

/** How a law is written. */
export interface LawText<Operations, K extends keyof Operations, Case> {
  readonly name: string;
  /** One sentence, for reports. */
  readonly statement: string;
  readonly needs: readonly K[];
  readonly cases: fc.Arbitrary<Case>;
  judge(subject: SubjectWith<K, Operations>, example: Case): Awaitable<Judgement>;
}

/** How far to look. */
export interface CheckOptions {
  readonly runs?: number;
  readonly seed?: number;
  /** Called after every case, the shrinking ones included; the next one waits for it. */
  readonly onCase?: () => Awaitable<void>;
  /** Where a counterexample of this seed was found: the search begins there. */
  readonly path?: string;
  /** Ends the search after the case that it is at, by a timer's abort too; what is known by then is reported. */
  readonly signal?: AbortSignal;
}

/** A law ready to be applied; what its cases are is its own affair. */
export interface Law<Operations = AlgorithmOperations> {
  readonly name: string;
  readonly statement: string;
  readonly needs: readonly (keyof Operations)[];
  check(subject: Subject<Operations>, options?: CheckOptions): Promise<LawReport>;
}

/** Makes a law of the algorithm of its text. */
export const defineLaw = lawMaker<AlgorithmOperations>();

/** Makes a law of forward passes of its text. */
export const defineForwardLaw = lawMaker<ForwardOperations>();

/** Makes a law of optimisers of its text. */
export const defineOptimiserLaw = lawMaker<OptimiserOperations>();

function lawMaker<Operations>() {
  return <K extends keyof Operations, Case>(text: LawText<Operations, K, Case>): Law<Operations> => ({
    name: text.name,
    statement: text.statement,
    needs: text.needs,
    async check(subject, options = {}) {
      if (hasOperations(subject, text.needs)) return tryCases(text, subject, options);
      const missing = text.needs.filter((operation) => typeof subject[operation] !== "function").map(String);
      return { law: text.name, subject: subject.name, outcome: "skipped", runs: 0, missing };
    },
  });
}

function hasOperations<Operations, K extends keyof Operations>(
  subject: Subject<Operations>,
  needs: readonly K[],
): subject is Subject<Operations> & SubjectWith<K, Operations> {
  return needs.every((operation) => typeof subject[operation] === "function");
}

async function tryCases<Operations, K extends keyof Operations, Case>(
  text: LawText<Operations, K, Case>,
  subject: SubjectWith<K, Operations>,
  { runs = 100, seed = 1, onCase, path, signal }: CheckOptions,
): Promise<LawReport> {
  let worst: Judgement | undefined;
  // Of the last case that failed, which is the smallest: whoever answers now so, now otherwise, is not asked again.
  let failure: Failure = {};
  let isOver = false;
  const property = fc.asyncProperty(text.cases, async (example) => {
    if (isOver || signal?.aborted) throw new fc.PreconditionFailure(true);
    try {
      subject.startCase?.();
      const judgement = await text.judge(subject, example);
      if (!worst || strain(judgement) > strain(worst)) worst = judgement;
      if (!holds(judgement)) failure = { judgement };
      return holds(judgement);
    } catch (error) {
      // What an interruption cuts off is no breach.
      if (signal?.aborted) throw new fc.PreconditionFailure(true);
      if (!fc.PreconditionFailure.isFailure(error)) failure = { thrown: nameThrown(error) };
      isOver = isEnd(error);
      throw error;
    } finally {
      await onCase?.();
      await yieldToHost();
    }
  });
  const result = await fc.check(property, { numRuns: runs, seed, ...(path !== undefined && { path }) });
  const report = { law: text.name, subject: subject.name, runs: result.numRuns, ...(worst && { worst }) };
  if (!result.counterexample) return { ...report, outcome: result.interrupted ? "interrupted" : "held" };
  const example = fc.stringify(result.counterexample[0]);
  const counterexample = { example, ...failure, seed, path: result.counterexamplePath! };
  return { ...report, outcome: "broken", counterexample };
}

type Failure = Pick<Counterexample, "judgement" | "thrown">;

function isEnd(error: unknown): error is VerifyError {
  return error instanceof VerifyError && error.code === "subject-ended";
}

function nameThrown(error: unknown): string {
  return isEnd(error) ? error.message : String(error);
}

/** Applies a law and throws when it does not hold. @throws VerifyError `law-broken` with the counterexample */
export async function holdLaw<Operations>(
  law: Law<Operations>,
  subject: Subject<Operations>,
  options?: CheckOptions,
): Promise<LawReport> {
  const report = await law.check(subject, options);
  if (report.outcome !== "broken") return report;
  throw new VerifyError("law-broken", describeBreach(law, report));
}
