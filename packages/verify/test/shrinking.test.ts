/** What a person sees of a broken law: its name, a case of a few tokens with round numbers, what was due, what came. */
import {
  algorithmLaws,
  algorithmMutants,
  createForwardSubject,
  describeBreach,
  forwardLaws,
  forwardMutants,
  holdLaw,
  type LawReport,
  VerifyError,
} from "@amulet-ts/verify";
import { describe, expect, it } from "vitest";

const options = { runs: 150, seed: 20260 };

/** The numbers of a case as they are written, those after `e` and a seed's included. */
const numbersIn = (example: string) => example.match(/-?\d+(\.\d+)?(e-?\d+)?/g) ?? [];

/** Tokens of the longest row in a case. */
function longestRow(example: string): number {
  const rows = example.match(/\[[^[\]{}]*\]/g) ?? [];
  return Math.max(0, ...rows.map((row) => row.split(",").length));
}

describe("a planted fault of the algorithm shrinks to a few tokens and short numbers", () => {
  it.each(algorithmMutants.map((mutant) => [mutant.name, mutant] as const))("%s", async (_, mutant) => {
    const law = algorithmLaws.find(({ name }) => name === mutant.caughtBy)!;
    const { example } = (await law.check(mutant.subject, options)).counterexample!;
    expect(longestRow(example)).toBeLessThanOrEqual(5);
    for (const number of numbersIn(example)) expect(number.length, number).toBeLessThanOrEqual(7);
  });
});

describe("a planted fault of a forward pass shrinks to at most five tokens", () => {
  it.each(forwardMutants.map((mutant) => [mutant.name, mutant] as const))("%s", async (_, mutant) => {
    const law = forwardLaws.find(({ name }) => name === mutant.caughtBy)!;
    const { example } = (await law.check(mutant.subject, { runs: 90, seed: 20262 })).counterexample!;
    expect(longestRow(example)).toBeLessThanOrEqual(5);
    // A model is written as the numbers that it is made of, not as its weights.
    expect(example.length).toBeLessThan(300);
  });
});

async function messageOf(run: Promise<unknown>): Promise<string> {
  const error = await run.catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(VerifyError);
  return (error as VerifyError).message;
}

describe("the message of a broken law", () => {
  it("names subject and law, and gives the case, both policies and by how much they differ", async () => {
    const { subject } = algorithmMutants.find(({ name }) => name === "utility-sign")!;
    const law = algorithmLaws.find(({ name }) => name === "loop-by-definition")!;
    const message = await messageOf(holdLaw(law, subject, options));
    expect(message.split("\n")).toEqual([
      'utility-sign breaks the law "loop-by-definition".',
      "  the law        The loop gives the policy of T steps with every utility kept and every mean summed anew.",
      expect.stringMatching(
        /^ {2}smallest case {2}\{"pair":\{"base":\[.*\],"preference":\[.*\]\},"parameters":\{"iterations":1,"alpha":1,/,
      ),
      expect.stringMatching(/^ {2}compared {7}log-policy \(the entry that is furthest off is number \d\)$/),
      expect.stringMatching(/^ {2}expected {7}\[-\d\.\d+(, -\d\.\d+)*\]$/),
      expect.stringMatching(/^ {2}got {12}\[-\d\.\d+(, -\d\.\d+)*\]$/),
      expect.stringMatching(/^ {2}off by {9}\d\.\d+, allowed \d\.\d+e-\d+$/),
    ]);
  });

  it("gives a subject's own error where it threw", async () => {
    const subject = createForwardSubject("out of order", () => {
      throw new RangeError("no such kernel");
    });
    const message = await messageOf(holdLaw(forwardLaws[0]!, subject, options));
    expect(message).toContain("  it threw       RangeError: no such kernel");
    expect(message).toContain('"tokens":[0]');
  });

  it("cuts rows that are too long to read to their size and the worst entry", () => {
    const long = Array.from({ length: 40 }, (_, a) => -a);
    const compared = { what: "log-policy", expected: long, got: long.map((value) => value / 2), entry: 39 };
    const counterexample = {
      example: "40 tokens",
      seed: 1,
      path: "0",
      judgement: { error: 19.5, tolerance: 1e-6, compared },
    };
    const report: LawReport = { law: "a", subject: "b", outcome: "broken", runs: 1, counterexample };
    const message = describeBreach({ name: "a", statement: "as it is." }, report);
    expect(message).toContain("expected       -39 there, 40 entries from -39 to 0");
    expect(message).toContain("got            -19.5 there, 40 entries from -19.5 to 0");
  });
});
