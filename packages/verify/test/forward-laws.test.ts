import {
  arbitraries,
  createForwardSubject,
  forwardLaws,
  forwardLawsFor,
  forwardMutants,
  holdLaw,
  oracleLogits,
  roundoffOfDifferences,
} from "@amulet-ts/verify";
import { describe, expect, it } from "vitest";

/** A case of the gradient law costs a hundred forward passes of the oracle, and one of the others about ten. */
const optionsFor = (law: string) => ({ runs: law === "gradient-by-differences" ? 30 : 90, seed: 20262 });

describe("the oracle keeps every law of forward passes", () => {
  it.each(forwardLaws.map((law) => [law.name, law] as const))("%s", async (name, law) => {
    const roundoff = name === "gradient-by-differences" ? roundoffOfDifferences : 2 ** -53;
    await holdLaw(law, createForwardSubject("oracle", oracleLogits, {}, roundoff), optionsFor(name));
  });
});

describe("every planted fault of a forward pass is caught by its law", () => {
  it.each(forwardMutants.map((mutant) => [mutant.name, mutant] as const))("%s", async (_, mutant) => {
    const law = forwardLaws.find(({ name }) => name === mutant.caughtBy);
    const report = await law!.check(mutant.subject, optionsFor(mutant.caughtBy));
    expect(report.outcome).toBe("broken");
    expect(report.counterexample?.thrown).toBeUndefined();
  });
});

it("every law of forward passes catches a planted fault", () => {
  const catching = new Set(forwardMutants.map(({ caughtBy }) => caughtBy));
  expect(forwardLaws.filter(({ name }) => !catching.has(name)).map(({ name }) => name)).toEqual([]);
});

describe("a forward pass that is wrong in one consistent way passes every internal law", () => {
  const internal = forwardLaws.filter(({ name }) => !/definition|differences/.test(name));
  it.each(["norms-swapped", "head-grouping", "window-off-by-one"])("%s", async (name) => {
    const { subject } = forwardMutants.find((mutant) => mutant.name === name)!;
    for (const law of internal) await holdLaw(law, subject, optionsFor(law.name));
  });
});

/** What each family has of its own, and who must notice when it is missing. */
describe("a family's own fault is caught on that family's models alone", () => {
  it.each([
    ["mistral", "window-off-by-one"],
    ["qwen2", "biases-dropped"],
    ["qwen2", "window-everywhere"],
    ["qwen3", "head-norms-swapped"],
    ["gemma3", "norm-without-one"],
    ["gemma3", "query-scale"],
    ["gemma3", "caps-forgotten"],
    ["gemma3", "rope-of-other-blocks"],
    ["llama", "rope-unscaled"],
  ] as const)("%s: %s", async (family, name) => {
    const [byDefinition] = forwardLawsFor(arbitraries.tinyFamilies[family]);
    const { subject } = forwardMutants.find((mutant) => mutant.name === name)!;
    const report = await byDefinition!.check(subject, { runs: 60, seed: 20263 });
    expect(report.outcome).toBe("broken");
  });
});
