/** Subjects that answer from elsewhere: later, or not at all. */
import {
  type AlgorithmOperations,
  type AlgorithmSubject,
  algorithmLaws,
  algorithmMutants,
  createSubject,
  planChecks,
  VerifyError,
} from "@amulet-ts/verify";
import { describe, expect, it } from "vitest";

/** The same subject with every answer a turn of the event loop later. */
function later(subject: AlgorithmSubject): AlgorithmSubject {
  const entries = Object.entries(subject).map(([name, member]) => {
    if (typeof member !== "function") return [name, member];
    const answer = member as (...values: unknown[]) => unknown;
    return [name, (...values: unknown[]) => Promise.resolve().then(() => answer(...values))];
  });
  return Object.fromEntries(entries) as AlgorithmSubject;
}

describe("a subject whose every operation answers later", () => {
  const reference = later(createSubject("reference"));
  it.each(algorithmLaws.map((law) => [law.name, law] as const))("keeps %s", async (_, law) => {
    expect((await law.check(reference, { runs: 5, seed: 20261 })).outcome).toBe("held");
  });

  it("is caught as it would be at once", async () => {
    const mutant = algorithmMutants.find(({ name }) => name === "undivided")!;
    for (const law of algorithmLaws.filter(({ needs }) => needs.includes("closedFormStep"))) {
      const [now, then] = await Promise.all(
        [mutant.subject, later(mutant.subject)].map((subject) => law.check(subject, { runs: 20, seed: 2 })),
      );
      expect(then).toEqual(now);
    }
  });
});

describe("a subject that ends", () => {
  const ended = () => new VerifyError("subject-ended", "guidanceScale did not answer within 1 s.");
  const check = (guidanceScale: AlgorithmOperations["guidanceScale"], signal?: AbortSignal) => {
    const algorithm = { name: "ending", unitRoundoff: 2 ** -53, guidanceScale };
    const [planned] = planChecks({ algorithm }, { runs: 50, laws: ["scale-rises"] });
    return planned!.check({ seed: 4, ...(signal && { signal }) });
  };

  it("breaks the law at hand with what it said, and is asked no more", async () => {
    const reference = createSubject("reference");
    let calls = 0;
    const report = await check((parameters) => {
      calls += 1;
      if (calls > 6) throw ended();
      return reference.guidanceScale(parameters);
    });
    expect(report).toMatchObject({
      outcome: "broken",
      runs: 4,
      counterexample: { seed: 4, path: "3", thrown: "guidanceScale did not answer within 1 s." },
    });
    expect(calls).toBe(7);
  });

  it("because somebody interrupted has broken nothing", async () => {
    const interrupt = new AbortController();
    const report = await check(async () => {
      interrupt.abort();
      throw ended();
    }, interrupt.signal);
    expect(report.outcome).toBe("interrupted");
    expect(report.counterexample).toBeUndefined();
  });

  it("has its time counted anew before every case", async () => {
    let starts = 0;
    const subject = { ...createSubject("reference"), startCase: () => starts++ };
    const law = algorithmLaws.find(({ name }) => name === "scale-rises")!;
    await law.check(subject, { runs: 12, seed: 1 });
    expect(starts).toBe(12);
  });
});

it("cases that throw are counted as the others are", async () => {
  let [calls, cases] = [0, 0];
  const algorithm: AlgorithmSubject = {
    name: "throwing",
    unitRoundoff: 2 ** -53,
    guidanceScale() {
      calls += 1;
      throw new Error("no");
    },
  };
  const [planned] = planChecks({ algorithm }, { runs: 5, laws: ["scale-rises"] });
  await planned!.check({
    seed: 1,
    onCase: () => {
      cases += 1;
    },
  });
  expect(cases).toBe(calls);
  expect(cases).toBeGreaterThan(1);
});

it("the failure that is told is the one that was seen, of a subject that then answers otherwise", async () => {
  const reference = createSubject("reference");
  let calls = 0;
  const algorithm: AlgorithmSubject = {
    name: "moody",
    unitRoundoff: 2 ** -53,
    guidanceScale(parameters) {
      calls += 1;
      if (calls === 3) throw new Error("a mood");
      return reference.guidanceScale(parameters);
    },
  };
  const [planned] = planChecks({ algorithm }, { runs: 9, laws: ["scale-by-definition"] });
  const report = await planned!.check({ seed: 1 });
  expect(report).toMatchObject({ outcome: "broken", counterexample: { thrown: "Error: a mood" } });
});
