import { createForwardSubject, forwardLaws, forwardMutants, holdLaw } from "@amulet-ts/verify";
import { describe, expect, it } from "vitest";

const options = { runs: 60, seed: 20262 };

describe("the oracle keeps every law of forward passes", () => {
  it.each(forwardLaws.map((law) => [law.name, law] as const))("%s", async (_, law) => {
    await holdLaw(law, createForwardSubject("oracle"), options);
  });
});

describe("every planted fault of a forward pass is caught by its law", () => {
  it.each(forwardMutants.map((mutant) => [mutant.name, mutant] as const))("%s", async (_, mutant) => {
    const law = forwardLaws.find(({ name }) => name === mutant.caughtBy);
    const report = await law!.check(mutant.subject, options);
    expect(report.outcome).toBe("broken");
    expect(report.counterexample?.thrown).toBeUndefined();
  });
});

it("every law of forward passes catches a planted fault", () => {
  const catching = new Set(forwardMutants.map(({ caughtBy }) => caughtBy));
  expect(forwardLaws.filter(({ name }) => !catching.has(name)).map(({ name }) => name)).toEqual([]);
});

describe("a forward pass that is wrong in one consistent way passes every internal law", () => {
  const internal = forwardLaws.filter(({ name }) => name !== "forward-by-definition");
  it.each(["norms-swapped", "head-grouping"])("%s", async (name) => {
    const { subject } = forwardMutants.find((mutant) => mutant.name === name)!;
    for (const law of internal) await holdLaw(law, subject, options);
  });
});
