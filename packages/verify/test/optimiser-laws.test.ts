import "@tensorflow/tfjs-backend-cpu";
import {
  adamSubject,
  descentSubject,
  dualSubject,
  holdLaw,
  mirrorSubject,
  optimiserLaws,
  optimiserMutants,
  projectedSubject,
} from "@amulet-ts/verify";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";

beforeAll(() => tf.setBackend("cpu"));

/** Automatic differentiation reads a path back step by step; the others are plain loops. */
const optimisers = [
  [mirrorSubject(0.5), 100],
  [mirrorSubject(1), 100],
  [projectedSubject(), 20],
  [dualSubject(), 100],
  [adamSubject(), 3],
  [descentSubject(), 3],
] as const;

describe.each(optimisers.map(([subject, runs]) => [subject.name, subject, runs] as const))(
  "%s keeps what its theory promises",
  (_, subject, runs) => {
    it.each(optimiserLaws.map((law) => [law.name, law] as const))("%s", async (_, law) => {
      const before = tf.memory().numTensors;
      const { outcome, missing } = await holdLaw(law, subject, { runs, seed: 20264 });
      // What an optimiser does not promise, it is not held to.
      expect(outcome).toBe(missing ? "skipped" : "held");
      expect(tf.memory().numTensors).toBe(before);
    });
  },
);

describe("every planted fault of an optimiser is caught by its law", () => {
  it.each(optimiserMutants.map((mutant) => [mutant.name, mutant] as const))("%s", async (_, mutant) => {
    const law = optimiserLaws.find(({ name }) => name === mutant.caughtBy);
    const report = await law!.check(mutant.subject, { runs: 50, seed: 20264 });
    expect(report.outcome).toBe("broken");
    expect(report.counterexample?.thrown).toBeUndefined();
  });
});

it("every law of optimisers catches a planted fault", () => {
  const catching = new Set(optimiserMutants.map(({ caughtBy }) => caughtBy));
  expect(optimiserLaws.filter(({ name }) => !catching.has(name)).map(({ name }) => name)).toEqual([]);
});
