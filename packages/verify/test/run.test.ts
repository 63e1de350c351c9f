/** The runner: what it plans, how it ends, and that a counterexample is found again. */
import {
  algorithmMutants,
  type CheckOptions,
  createSubject,
  describeBreach,
  type Finding,
  listLaws,
  mirrorSubject,
  planChecks,
  type RunOptions,
  type RunProgress,
  runChecks,
  VerifyError,
} from "@amulet-ts/verify";
import { describe, expect, it } from "vitest";

const reference = createSubject("reference");
const mutant = algorithmMutants.find(({ name }) => name === "undivided")!;

async function findings(
  subject: Parameters<typeof planChecks>[0],
  laws: readonly string[],
  options: Partial<RunOptions> & { readonly runs?: number } = {},
): Promise<Finding[]> {
  const { runs = 50, ...rest } = options;
  const found: Finding[] = [];
  for await (const finding of runChecks(planChecks(subject, { runs, laws }), { seed: 3, ...rest }))
    found.push(finding);
  return found;
}

describe("the plan", () => {
  it("has every law of the kinds that are judged, once, and all of them are listed", () => {
    const checks = planChecks({ algorithm: reference, forward: { ...reference } }, { runs: 10 });
    const names = checks.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    const listed = listLaws().map(({ name }) => name);
    expect(
      listed.filter((name) => !names.includes(name)).every((name) => name.startsWith("optimiser-")),
    ).toBe(true);
    expect(names.filter((name) => !listed.includes(name))).toEqual([]);
  });

  it("gives slow laws a share of the runs, and never more than was asked for", () => {
    const runsOf = (runs: number) =>
      new Map(planChecks({ algorithm: reference }, { runs }).map((check) => [check.name, check.runs]));
    const [few, many] = [runsOf(3), runsOf(100_000)];
    expect(new Set(few.values())).toEqual(new Set([3]));
    expect(many.get("loop-by-definition")).toBe(100_000);
    expect(many.get("scale-rises")).toBe(100_000);
    expect(many.get("sampling-frequencies")).toBe(2000);
  });

  it("names optimisers apart, and asks nothing of them that their theory does not promise", () => {
    const optimisers = [mirrorSubject(0.5), mirrorSubject(0.9), { ...mirrorSubject(0.1), rate: undefined }];
    const checks = planChecks({ optimisers: optimisers as never }, { runs: 1 });
    expect(checks.map(({ group, label }) => `${group} ${label}`)).toHaveLength(3 + 3 + 2);
    expect(new Set(checks.map(({ group }) => group)).size).toBe(3);
  });

  it("refuses a law that there is not, and names those that there are", () => {
    const plan = () => planChecks({ algorithm: reference }, { runs: 1, laws: ["loop-rest"] });
    expect(plan).toThrow(VerifyError);
    expect(plan).toThrow(/no law "loop-rest"\. There are: scale-by-definition, /);
  });
});

describe("what a subject does wrong", () => {
  it("is never the end of a run: an exception that no case answers for is its law's breach", async () => {
    const [first, second] = planChecks(
      { algorithm: reference },
      { runs: 5, laws: ["scale-rises", "scale-growth"] },
    );
    const failing = { ...first!, check: () => Promise.reject(new Error("not to be written")) };
    const found: Finding[] = [];
    for await (const finding of runChecks([failing, second!], { seed: 3 })) found.push(finding);
    expect(found.map(({ outcome }) => outcome)).toEqual(["broken", "held"]);
    expect(found[0]!.counterexample!.thrown).toBe("Error: not to be written");
  });

  it.each([
    [undefined, "nothing"],
    [null, "nothing"],
    [{}, "an object"],
    [7n, "7"],
    ["two", "two"],
    [[1, undefined], "[1, nothing]"],
    [Array.from({ length: 9 }, () => 2n), "2 there, 9 entries from NaN to NaN"],
  ])("can be written whatever it returned: %o", (got, written) => {
    const compared = { what: "x", expected: 1, got: got as never, entry: 0 };
    const counterexample = {
      example: "",
      seed: 1,
      path: "0",
      judgement: { error: Number.NaN, tolerance: 0, compared },
    };
    const report = { law: "l", subject: "s", outcome: "broken" as const, runs: 1, counterexample };
    expect(describeBreach({ name: "l", statement: "" }, report)).toContain(`  got            ${written}\n`);
  });

  it("is not that it lacks every operation: then the law of memory is skipped", async () => {
    const countTensors = () => 0;
    const facts = { name: "bare", unitRoundoff: 2 ** -53, countTensors };
    const skips = await findings({ algorithm: facts, forward: facts }, [
      "no-tensor-left",
      "no-tensor-left-by-forward",
    ]);
    expect(skips.map(({ outcome }) => outcome)).toEqual(["skipped", "skipped"]);
    expect(skips[0]!.missing).toContain("amuletLoop");
    let alive = 0;
    const logPolicy = () => {
      alive += 1;
      return [0];
    };
    const leaky = { ...facts, countTensors: () => alive, logPolicy };
    expect(await findings({ algorithm: leaky }, ["no-tensor-left"])).toMatchObject([{ outcome: "broken" }]);
  });

  it("a path that its law has not is refused", async () => {
    const run = findings({ algorithm: reference }, ["scale-rises"], { path: "0:99:99" });
    await expect(run).rejects.toThrow(/scale-rises has no case at path 0:99:99 of seed 3/);
  });
});

describe("a run", () => {
  it("finds what holds with its worst case, and what breaks with its counterexample", async () => {
    const [held] = await findings({ algorithm: reference }, ["step-stationary"]);
    expect(held).toMatchObject({ outcome: "held", group: "step", runs: 20, planned: 20 });
    expect(held!.worst!.error).toBeLessThanOrEqual(held!.worst!.tolerance);
    const [broken] = await findings({ algorithm: mutant.subject }, ["step-stationary"]);
    expect(broken!.outcome).toBe("broken");
    expect(broken!.counterexample!.judgement!.error).toBeGreaterThan(
      broken!.counterexample!.judgement!.tolerance,
    );
  });

  it("keeps the worst of its cases, as a further case can only make it worse", async () => {
    const strains: number[] = [];
    for (let runs = 1; runs <= 20; runs++) {
      const [held] = await findings({ algorithm: reference }, ["scale-by-definition"], { runs });
      strains.push(held!.worst!.error / held!.worst!.tolerance);
    }
    expect(strains).toEqual(strains.toSorted((a, b) => a - b));
    expect(new Set(strains).size).toBeGreaterThan(1);
  });

  it("comes to a counterexample again by its seed and path, at once", async () => {
    const [broken] = await findings({ algorithm: mutant.subject }, ["step-stationary"]);
    const { seed, path, example } = broken!.counterexample!;
    const [again] = await findings({ algorithm: mutant.subject }, ["step-stationary"], { seed, path });
    expect(again).toMatchObject({ outcome: "broken", runs: 1 });
    expect(again!.counterexample!.example).toBe(example);
  });

  it("gives the same findings for the same seed, and other cases for another", async () => {
    const worst = async (seed: number) =>
      (await findings({ algorithm: reference }, ["tilt-by-definition"], { seed }))[0]!.worst!.error;
    expect(await worst(1)).toBe(await worst(1));
    expect(await worst(1)).not.toBe(await worst(2));
  });

  it("ends where a signal says so, and keeps what was found", async () => {
    const interrupt = new AbortController();
    let seen = 0;
    const algorithm = {
      ...reference,
      guidanceScale: (parameters: Parameters<typeof reference.guidanceScale>[0]) => {
        seen += 1;
        if (seen === 40) interrupt.abort();
        return reference.guidanceScale(parameters);
      },
    };
    const found: Finding[] = [];
    const plan = planChecks({ algorithm }, { runs: 10_000, laws: ["scale-by-definition", "scale-rises"] });
    const run = async () => {
      for await (const one of runChecks(plan, { seed: 3, signal: interrupt.signal })) found.push(one);
    };
    await expect(run()).rejects.toMatchObject({ name: "VerifyError", code: "aborted" });
    expect(found).toHaveLength(1);
    expect(found[0]).toMatchObject({ outcome: "interrupted", runs: 40, planned: 10_000 });
    const [first] = await findings({ algorithm: reference }, ["scale-by-definition"], { runs: 40 });
    expect(first!.worst!.error).toBeGreaterThan(0);
    expect(found[0]!.worst).toEqual(first!.worst);
  });

  it("lets timers run between cases, and hears an abort by timer", async () => {
    const law = "scale-by-definition";
    let cases = 0;
    const algorithm = {
      ...reference,
      guidanceScale: (parameters: Parameters<typeof reference.guidanceScale>[0]) => {
        cases += 1;
        for (const end = performance.now() + 3; performance.now() < end; );
        return reference.guidanceScale(parameters);
      },
    };
    const casesAtTick = [0];
    const interrupt = new AbortController();
    const timer = setInterval(() => {
      if (casesAtTick.push(cases) > 5) interrupt.abort();
    }, 5);
    const [check] = planChecks({ algorithm }, { runs: 10_000, laws: [law] });
    const report = await check!.check({ runs: 10_000, seed: 3, signal: interrupt.signal });
    clearInterval(timer);
    expect(report.outcome).toBe("interrupted");
    expect(report.runs).toBeLessThanOrEqual(casesAtTick.at(-1)! + 1);
    // 25 ms of work, and the case that was under way.
    const gaps = casesAtTick.slice(1).map((count, i) => count - casesAtTick[i]!);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(Math.ceil(25 / 3) + 2);
  });

  it("tells how far it is before each law and while it runs", async () => {
    const told: RunProgress[] = [];
    // Told a few times a second: each case takes longer than the time between two of them.
    const wait = () => new Promise((resolve) => setTimeout(resolve, 60));
    const plan = planChecks({ algorithm: reference }, { runs: 3, laws: ["scale-rises", "scale-growth"] });
    const slow = plan.map((planned) => ({
      ...planned,
      async check({ onCase }: CheckOptions) {
        for (let one = 0; one < 3; one++) await wait().then(onCase);
        return { law: planned.name, subject: "slow", outcome: "held", runs: 3 } as const;
      },
    }));
    for await (const _ of runChecks(slow, { seed: 3, onProgress: (progress) => told.push(progress) }));
    expect(told.map(({ done, label, cases, planned }) => `${done} ${label}: ${cases} of ${planned}`)).toEqual(
      ["0 scale-rises", "1 scale-growth"].flatMap((law) => [0, 1, 2, 3].map((n) => `${law}: ${n} of 3`)),
    );
  });
});
