/** Which laws are tried on what, and how often. */
import { VerifyError } from "../errors.js";
import { fieldLaws } from "../laws/algorithm/field.js";
import { policyLaws } from "../laws/algorithm/policy.js";
import { regretLaws } from "../laws/algorithm/regret.js";
import { samplingLaws } from "../laws/algorithm/sampling.js";
import { stepLaws } from "../laws/algorithm/step.js";
import { strengthLaws } from "../laws/algorithm/strength.js";
import { tiltLaws } from "../laws/algorithm/tilt.js";
import { forwardLaws } from "../laws/forward/forward.js";
import type { CheckOptions, Law } from "../laws/law.js";
import type { LawReport } from "../laws/law-report.js";
import { memoryLaws } from "../laws/memory.js";
import { optimiserLaws } from "../laws/optimiser.js";
import type {
  AlgorithmOperations,
  AlgorithmSubject,
  ForwardOperations,
  ForwardSubject,
  OptimiserOperations,
  OptimiserSubject,
  Subject,
} from "../subject.js";

/** Laws of one kind, and what part of the wanted runs they get: a case of some costs a thousand of others. */
export interface LawGroup<Operations> {
  readonly name: string;
  readonly share: number;
  /** No law gets fewer runs than the smaller of this, or 20, and what is wanted. */
  readonly fewest?: number;
  readonly laws: readonly Law<Operations>[];
}

const algorithmGroups: readonly LawGroup<AlgorithmOperations>[] = [
  { name: "strength", share: 1, laws: strengthLaws },
  { name: "step", share: 1 / 5, laws: stepLaws },
  { name: "policy", share: 1, laws: policyLaws },
  { name: "tilt", share: 1 / 5, laws: tiltLaws },
  { name: "methods", share: 1 / 5, laws: fieldLaws },
  { name: "run", share: 1 / 10, laws: regretLaws },
  { name: "sampling", share: 1 / 50, laws: samplingLaws },
  { name: "memory", share: 1 / 10, laws: memoryLaws },
];

const forwardGroup: LawGroup<ForwardOperations> = { name: "forward pass", share: 1 / 100, laws: forwardLaws };
const optimiserGroup: LawGroup<OptimiserOperations> = {
  name: "optimisers",
  // One run is some hundred steps of Adam, or ten thousand of projected gradients.
  share: 1 / 1000,
  fewest: 4,
  laws: optimiserLaws,
};

/** What is known of a law without trying it. */
export interface LawFacts {
  readonly name: string;
  readonly statement: string;
  readonly group: string;
}

/** Every law that there is, in the order of reports. */
export function listLaws(): LawFacts[] {
  return [...algorithmGroups, forwardGroup, optimiserGroup].flatMap(({ name: group, laws }) =>
    laws.map(({ name, statement }) => ({ name, statement, group })),
  );
}

/** What is judged together: one implementation, on one backend. */
export interface Subjects {
  readonly algorithm?: AlgorithmSubject;
  readonly forward?: ForwardSubject;
  /** Where the subject has not every family: the laws on those that it has. */
  readonly forwardLaws?: readonly Law<ForwardOperations>[];
  /** Several ways to one optimum, which the laws tell apart by their names. */
  readonly optimisers?: readonly OptimiserSubject[];
}

/** One law, ready to be tried on one subject. */
export interface PlannedCheck extends LawFacts {
  /** How a report's row is called: the law's name. */
  readonly label: string;
  readonly subject: string;
  readonly runs: number;
  check(options: CheckOptions): Promise<LawReport>;
}

/** What to try. */
export interface PlanOptions {
  /** Cases for each law, before its group's share. */
  readonly runs: number;
  /** Names of the laws that are wanted; all where it is left out. */
  readonly laws?: readonly string[];
}

/** @throws VerifyError `unknown-law`, with the names that there are */
export function planChecks(subjects: Subjects, options: PlanOptions): PlannedCheck[] {
  checkNames(options.laws ?? []);
  const { algorithm, forward, forwardLaws: laws = forwardLaws, optimisers = [] } = subjects;
  return [
    ...(algorithm ? algorithmGroups.flatMap((group) => planGroup(group, algorithm, options)) : []),
    ...(forward ? planGroup({ ...forwardGroup, laws }, forward, options) : []),
    ...optimisers.flatMap((optimiser) => planOptimiser(optimiser, options)),
  ];
}

/** The laws that its theory has something to say of, under its own name. */
function planOptimiser(optimiser: OptimiserSubject, options: PlanOptions): PlannedCheck[] {
  const { laws, ...rest } = optimiserGroup;
  const own = laws.filter(({ needs }) => needs.every((operation) => optimiser[operation] !== undefined));
  return planGroup({ ...rest, name: `optimiser: ${optimiser.name}`, laws: own }, optimiser, options);
}

const fewestRuns = 20;

function planGroup<Operations>(
  { name: group, share, fewest = fewestRuns, laws }: LawGroup<Operations>,
  subject: Subject<Operations>,
  { runs, laws: wanted }: PlanOptions,
): PlannedCheck[] {
  const own = Math.max(Math.ceil(runs * share), Math.min(runs, fewest));
  return laws
    .filter(({ name }) => wanted === undefined || wanted.includes(name))
    .map((law) => ({
      name: law.name,
      label: law.name,
      statement: law.statement,
      group,
      subject: subject.name,
      runs: own,
      check: (options) => law.check(subject, { ...options, runs: own }),
    }));
}

function checkNames(names: readonly string[]): void {
  const known = listLaws().map(({ name }) => name);
  const unknown = names.find((name) => !known.includes(name));
  if (unknown === undefined) return;
  throw new VerifyError("unknown-law", `There is no law "${unknown}". There are: ${known.join(", ")}.`);
}
