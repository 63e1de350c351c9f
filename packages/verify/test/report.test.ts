/** Reports say what was found, and the pages under docs/verification say what there is. */
import { readFileSync } from "node:fs";
import {
  algorithmMutants,
  describeRuns,
  type Finding,
  formatSize,
  formatWorst,
  forwardMutants,
  joinVerifications,
  lawSources,
  listLaws,
  optimiserMutants,
  readVerification,
  toPlainData,
  type Verification,
  type VerifiedSubject,
  writeLawTable,
  writeReport,
} from "@amulet-ts/verify";
import { describe, expect, it } from "vitest";

const page = (name: string) =>
  readFileSync(new URL(`../../../docs/verification/${name}`, import.meta.url), "utf8");

function finding(law: string, rest: Partial<Finding> = {}): Finding {
  const worst = { error: 3.14e-6, tolerance: 1.9e-5 };
  const facts = { law, label: law, group: "policy", subject: "core", outcome: "held" as const };
  return { ...facts, runs: 10, planned: 10, milliseconds: 5, worst, ...rest };
}

function verification(
  name: string,
  findings: readonly Finding[],
  rest: Partial<Verification> = {},
): Verification {
  const subjects = [{ name, description: `${name}: a | b`, findings, seconds: 2 }];
  const facts = { startedAt: "2026-01-02T03:04:05Z", seed: 1, runs: 10, software: { Node: "v20" } };
  return { ...facts, subjects, interrupted: false, ...rest };
}

const broken = finding("loop-rests", {
  outcome: "broken",
  counterexample: {
    example: "{pair}",
    seed: 1,
    path: "0:2",
    judgement: {
      error: 0.5,
      tolerance: 1e-6,
      compared: { what: "log-policy", expected: new Float64Array([-1, -2]), got: [-1, -1.5], entry: 1 },
    },
  },
});
const replay = ({ law }: Finding, { name }: VerifiedSubject) => `replay ${law} on ${name}`;

describe("a report", () => {
  it("shows each law's worst error beside the tolerance of the same case, a column for each backend", () => {
    const joined = joinVerifications([
      verification("cpu", [finding("loop-permutes")]),
      verification("wasm", [finding("loop-permutes", { worst: { error: 0, tolerance: 0 } })]),
    ]);
    const text = writeReport(joined, replay);
    expect(text).toContain("| law | cpu | runs | wasm | runs |");
    expect(text).toContain("| loop-permutes | 3.1e-6 ≤ 1.9e-5 | 10 of 10 | exact | 10 of 10 |");
    expect(text).toContain("**Every law that was tried holds:** 2 held, 0 broken, 0 skipped.");
    expect(text).toContain("| cpu | cpu: a \\| b; 2.0 s |");
  });

  it("shows a broken law with its case, what was due, what came, and the way back to it", () => {
    const text = writeReport(verification("wasm", [broken]), replay);
    expect(text).toContain("**Not every law holds:** 0 held, 1 broken");
    expect(text).toContain("**0.5 > 1.0e-6**");
    expect(text).toMatch(
      /## loop-rests on wasm[\s\S]*smallest case {2}\{pair\}[\s\S]*expected {7}\[-1, -2\]/,
    );
    expect(text).toContain("replay loop-rests on wasm");
  });

  it("says what was skipped and why, and that it was interrupted", () => {
    const skipped = finding("tilt", { outcome: "skipped", missing: ["linearAlignment"] });
    const text = writeReport(verification("mine", [skipped], { interrupted: true }), replay);
    expect(text).toContain("* tilt was skipped: core has no linearAlignment.");
    expect(text).toContain("**Interrupted:**");
    expect(text).toContain("**Nothing was judged:** 0 held, 0 broken, 1 skipped.");
  });

  it("is plain data as JSON: rows of tensors are arrays", () => {
    const data = JSON.parse(JSON.stringify(toPlainData(verification("wasm", [broken]))));
    expect(data.subjects[0].findings[0].counterexample.judgement.compared).toEqual({
      ...{ what: "log-policy", entry: 1 },
      ...{ expected: [-1, -2], got: [-1, -1.5] },
    });
  });
});

describe("a verification that was written as JSON", () => {
  const spell = (_: string, value: unknown) =>
    typeof value === "number" && !Number.isFinite(value) ? String(value) : value;
  const throughJson = (value: unknown) => JSON.parse(JSON.stringify(value, spell));

  it("is read back as it was, with NaN and infinities", () => {
    const worst = { error: Number.POSITIVE_INFINITY, tolerance: Number.NaN };
    const judgement = { ...worst, compared: { what: "x", expected: 1, got: [2, -0.5], entry: 1 } };
    const found = finding("loop-rests", {
      ...{ outcome: "broken", worst, missing: ["sample"] },
      counterexample: { example: "", seed: 1, path: "0", judgement, thrown: "Error: no" },
    });
    const one = verification("cpu", [found]);
    const whole = { ...one, subjects: [{ ...one.subjects[0]!, file: "a.mjs" }] };
    const joined = joinVerifications([whole]);
    for (const each of [whole, joined])
      expect(readVerification(throughJson(toPlainData(each)), "a.json")).toEqual(each);
  });

  it.each([
    [{ subjects: [1] }, /a\.json is not what .* subjects\[0\] must be an object; it is 1/],
    [{ subjects: undefined }, /subjects must be a list; it is missing/],
    [{ runs: "many" }, /runs must be a number; it is "many"/],
  ])("is refused by the field that is wrong: %j", (wrong, sentence) => {
    const value = throughJson({ ...verification("cpu", []), ...wrong });
    expect(() => readVerification(value, "a.json")).toThrow(sentence);
  });

  it("is refused where a finding or the whole is something else", () => {
    const value = (wrong: object) => throughJson(verification("cpu", [finding("x", wrong)]));
    const read = (wrong: object) => () => readVerification(value(wrong), "a.json");
    expect(read({ outcome: "well" })).toThrow(/subjects\[0\]\.findings\[0\]\.outcome must be one of held/);
    expect(read({ worst: { error: null, tolerance: 1 } })).toThrow(
      /worst\.error must be a number; it is null/,
    );
    expect(() => readVerification([], "a.json")).toThrow(/^a\.json is not what/);
  });
});

describe("results of several runs", () => {
  it("join by column, in the order of the laws", () => {
    const joined = joinVerifications([
      verification("cpu", [finding("loop-rests")]),
      verification("cpu", [finding("scale-rises")], { startedAt: "2026-01-01T00:00:00Z" }),
    ]);
    expect(joined.subjects).toHaveLength(1);
    expect(joined.subjects[0]!.findings.map(({ law }) => law)).toEqual(["scale-rises", "loop-rests"]);
    expect(joined.subjects[0]!.seconds).toBe(4);
    expect(joined.startedAt).toBe("2026-01-01T00:00:00Z");
  });

  it("count a law by its longest run, and a broken one before all others", () => {
    const ended = finding("loop-rests", { runs: 10 });
    const cut = finding("loop-rests", { runs: 40, outcome: "interrupted" });
    const longer = finding("loop-rests", { runs: 20 });
    const winner = (...findings: Finding[]) =>
      joinVerifications(findings.map((one) => verification("cpu", [one])) as [Verification]);
    expect(winner(ended, longer).subjects[0]!.findings).toEqual([longer]);
    expect(winner(longer, cut, ended)).toMatchObject({ subjects: [{ findings: [cut] }], interrupted: true });
    expect(winner(cut, broken)).toMatchObject({ subjects: [{ findings: [broken] }], interrupted: false });
  });

  it("say of each part how often its laws were to be tried, and of each law how often it was", () => {
    const scale = listLaws().filter(({ group }) => group === "strength");
    const strength = scale.map(({ name }) => finding(name, { group: "strength", runs: 9, planned: 1000 }));
    const few = (name: string) => verification(name, [finding("loop-rests")], { software: { Node: name } });
    const joined = joinVerifications([
      few("cpu"),
      few("wasm"),
      verification("cpu", strength, { runs: 1000 }),
    ]);
    const stated = "1,000 for strength on cpu; 10 for loop-rests on wasm";
    const text = writeReport(joined, replay);
    expect(text).toContain("| 1,000 for strength on cpu; 10 for loop-rests on cpu and wasm |");
    expect(text).toContain("| scale-rises | 3.1e-6 ≤ 1.9e-5 | 9 of 1,000 |");
    expect(text).toContain("| Node | cpu; wasm; v20 |");
    const again = joinVerifications([joined, few("wasm")]);
    expect(again.parts).toEqual(joined.parts);
    expect(again.software).toEqual(joined.software);
    const others = joinVerifications([few("wasm"), verification("cpu", strength, { runs: 1000 })]);
    expect(describeRuns(others)).toBe(stated);
    expect(describeRuns(few("cpu"))).toBe("10");
  });

  it("keep the columns of two files of one name apart", () => {
    const of = (file: string) => {
      const one = verification("mine", [finding("loop-rests")]);
      return { ...one, subjects: [{ ...one.subjects[0]!, file }] };
    };
    expect(joinVerifications([of("a.mjs"), of("b.mjs"), of("a.mjs")]).subjects).toHaveLength(2);
  });

  it("of different seeds are refused", () => {
    expect(() => joinVerifications([verification("cpu", []), verification("cpu", [], { seed: 2 })])).toThrow(
      /same seed/,
    );
  });
});

it.each([
  [0, "0"],
  [0.0041, "0.0041"],
  [3.14e-6, "3.1e-6"],
  [46.9, "47"],
  [Number.NaN, "NaN"],
  [Number.POSITIVE_INFINITY, "∞"],
])("%d is written %s", (value, text) => expect(formatSize(value)).toBe(text));

it("a subject that threw has no error to show", () => {
  const counterexample = { example: "", seed: 1, path: "0", thrown: "Error: no" };
  expect(formatWorst(finding("x", { outcome: "broken", counterexample }))).toBe("it threw");
});

describe("docs/verification", () => {
  it("every law has a source, and every source a law", () => {
    expect(Object.keys(lawSources).sort()).toEqual(
      listLaws()
        .map(({ name }) => name)
        .sort(),
    );
  });

  it("laws.md is what `npm run tables` writes", () => {
    expect(page("laws.md")).toContain(writeLawTable());
  });

  it("faults.md has a row for every planted fault, and the law that must catch it in front", () => {
    const text = page("faults.md");
    for (const { name, fault, caughtBy } of [...algorithmMutants, ...forwardMutants, ...optimiserMutants])
      expect(text).toContain(`| \`${name}\` | ${fault.replaceAll("|", "\\|")} | \`${caughtBy}\``);
  });

  it("in the figure Adam ends within 1e-4 of the closed form in float32, mirror ascent within 1e-12 in float64", () => {
    const [{ size, curves }] = JSON.parse(page("convergence.json")).panels;
    const end = (name: string) => curves.find((curve: { name: string }) => curve.name === name);
    expect(size).toBe(1000);
    expect(end("adam")).toMatchObject({ type: "float32" });
    expect(end("adam").finalTotalVariation).toBeLessThanOrEqual(1e-4);
    expect(end("mirror ascent, pace 0.5").finalTotalVariation).toBeLessThanOrEqual(1e-12);
  });

  it("the committed report holds every law that it tried", () => {
    expect(page("report.md")).toMatch(/\*\*Every law that was tried holds:\*\* \d+ held, 0 broken/);
  });
});
