import {
  type AlgorithmSubject,
  algorithmLaws,
  algorithmMutants,
  createSubject,
  holdLaw,
} from "@amulet-ts/verify";
import { describe, expect, it } from "vitest";

const options = { runs: 150, seed: 20260 };

describe("a right implementation keeps every law in float64", () => {
  const reference = createSubject("reference");
  it.each(algorithmLaws.map((law) => [law.name, law] as const))("%s", async (_, law) => {
    const report = await holdLaw(law, reference, options);
    expect(report.outcome).toBe("held");
  });
});

describe("a right implementation keeps every law in float32", () => {
  const reference = createSubject("float32 reference", { store: Math.fround }, 2 ** -24);
  it.each(algorithmLaws.map((law) => [law.name, law] as const))("%s", async (_, law) => {
    await holdLaw(law, reference, options);
  });
});

describe("every planted fault is caught by its law", () => {
  it.each(algorithmMutants.map((mutant) => [mutant.name, mutant] as const))("%s", async (_, mutant) => {
    const law = algorithmLaws.find(({ name }) => name === mutant.caughtBy);
    const report = await law!.check(mutant.subject, options);
    expect(report.outcome).toBe("broken");
    expect(report.counterexample?.thrown).toBeUndefined();
  });
});

it("every law catches a planted fault", () => {
  const catching = new Set(algorithmMutants.map(({ caughtBy }) => caughtBy));
  expect(algorithmLaws.filter(({ name }) => !catching.has(name)).map(({ name }) => name)).toEqual([]);
});

it("no two laws, and no two faults, have the same name", () => {
  for (const named of [algorithmLaws, algorithmMutants]) {
    const names = named.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  }
});

it("a law whose operation the subject lacks is skipped, not held", async () => {
  const subject: AlgorithmSubject = { name: "empty", unitRoundoff: 2 ** -24 };
  const report = await algorithmLaws[0]!.check(subject);
  expect(report).toMatchObject({ outcome: "skipped", missing: ["guidanceScale"] });
});
