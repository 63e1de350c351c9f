/** A law of every operation: whatever tensors it makes on the way are gone when it has answered. */
import fc from "fast-check";
import { policyParameters } from "../arbitraries/parameters.js";
import { genericPair, policyRow } from "../arbitraries/rows.js";
import type { AlgorithmOperations, Awaitable, SubjectWith } from "../subject.js";
import type { Judgement } from "./judgement.js";
import { defineLaw, type Law } from "./law.js";

type Counting = Partial<AlgorithmOperations> & SubjectWith<"countTensors">;

/** What may be called on tensors. */
const operations = [
  "logPolicy",
  "closedFormStep",
  "amuletLoop",
  "amuletLoopRows",
  "amuletCollapsed",
  "linearAlignment",
  "boundedTilt",
  "sample",
] as const;
type Operation = (typeof operations)[number];

const noTensorLeft = lawOfAny(operations, (own) =>
  defineLaw({
    name: "no-tensor-left",
    statement: "After an operation as many tensors are alive as before.",
    needs: ["countTensors"],
    cases: fc.record({
      operation: fc.constantFrom(...own),
      pair: genericPair,
      parameters: policyParameters,
    }),
    async judge(subject, { operation, pair, parameters }) {
      const rows = { base: policyRow(pair.base), preference: policyRow(pair.preference), parameters };
      return countLeft(operation, subject, () => call(subject, operation, rows));
    },
  }),
);

/** A law that is tried on those of several operations that a subject has, and skipped where it has none. */
export function lawOfAny<Operations, K extends string>(
  operations: readonly K[],
  make: (own: readonly K[]) => Law<Operations>,
): Law<Operations> {
  const all = make(operations);
  return {
    ...all,
    async check(subject, options) {
      const own = operations.filter((operation) => typeof Reflect.get(subject, operation) === "function");
      if (own.length > 0) return make(own).check(subject, options);
      return { law: all.name, subject: subject.name, outcome: "skipped", runs: 0, missing: operations };
    },
  };
}

interface CallRows {
  readonly base: Float32Array;
  readonly preference: Float32Array;
  readonly parameters: { iterations: number; alpha: number; lambda: number; eta: number };
}

/** Calls an operation that the subject has. */
function call(
  subject: Counting,
  operation: Operation,
  { base, preference, parameters }: CallRows,
): Awaitable<unknown> {
  switch (operation) {
    case "logPolicy":
      return subject.logPolicy?.(preference);
    case "closedFormStep": {
      const rows = { meanUtility: base, logReference: preference, logCurrent: base };
      return subject.closedFormStep?.(rows, { ...parameters, t: parameters.iterations + 1 });
    }
    case "amuletLoop":
    case "amuletCollapsed":
      return subject[operation]?.(base, preference, parameters);
    case "amuletLoopRows":
      return subject.amuletLoopRows?.([base, preference], [preference, base], parameters);
    case "linearAlignment":
      return subject.linearAlignment?.(base, preference, parameters.lambda);
    case "boundedTilt":
      return subject.boundedTilt?.(base, preference, { nats: 0.1, largestGamma: parameters.lambda });
    case "sample":
      return subject.sample?.(preference, { count: 3, seed: parameters.iterations });
  }
}

/** Runs something twice, since the first time may set up what stays, and counts what the second time leaves behind. */
export async function countLeft(
  what: string,
  subject: { countTensors(): Awaitable<number> },
  run: () => Awaitable<unknown>,
): Promise<Judgement> {
  await run();
  const before = await subject.countTensors();
  await run();
  const after = await subject.countTensors();
  const compared = { what: `tensors alive after ${what}`, expected: before, got: after };
  return { error: Math.abs(after - before), tolerance: 0, compared };
}

/** All of them. */
export const memoryLaws: readonly Law[] = [noTensorLeft];
