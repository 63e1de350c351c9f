/** The authors' published code on three tiny Llama checkpoints: its policies, and the tokens it generates. */
import { startBackend } from "@amulet-ts/backends";
import {
  amuletCollapsed,
  amuletExactMethod,
  amuletLoop,
  amuletMethod,
  chooseGreedily,
  decode,
  linearAlignmentMethod,
  logPolicy,
  type Method,
} from "@amulet-ts/core";
import type { Model } from "@amulet-ts/models";
import { policyTolerance } from "@amulet-ts/testing/backends/tolerance";
import { backendsUnderTest, expectWithin, someOn } from "@amulet-ts/testing/backends/under-test";
import { loadFixture } from "@amulet-ts/testing/reference/checkpoints";
import { readFixture } from "@amulet-ts/testing/reference/fixture";
import { oracles } from "@amulet-ts/verify";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

interface Run {
  readonly iterations: number;
  readonly alpha: number;
  readonly lambda: number;
  readonly eta: number;
  /** Two rows each. */
  readonly base_ids: number[][];
  readonly preference_ids: number[][];
  readonly base_logits: number[][];
  readonly preference_logits: number[][];
  readonly policy: number[][];
  /** A row ends with token 2 and is padded with 0. */
  readonly tokens: number[][];
  readonly linear_alignment_ratio: number;
  readonly linear_alignment_tokens: number[][];
}

const families = ["llama-gqa-tied", "llama-mha-untied", "llama3-rope-scaling"];

const endToken = 2;
/** Tokens up to the end token, as `decode` gives them. */
const untilEnd = (row: readonly number[]) =>
  row.includes(endToken) ? row.slice(0, row.indexOf(endToken)) : row;

function toleranceOf(run: Run, row: number, backend: string): number {
  const rows = {
    logBase: oracles.logSoftmax(run.base_logits[row]!),
    logPreference: oracles.logSoftmax(run.preference_logits[row]!),
    policy: run.policy[row]!,
  };
  return policyTolerance(rows, { x: oracles.guidanceScale(run), iterations: run.iterations }, backend);
}

/** On cpu beside wasm one checkpoint is enough; `npm run test:backends` takes all on each. */
const familiesOn = (backend: string) =>
  backend === "cpu" && backendsUnderTest.length > 1 ? families.slice(0, 1) : someOn(families, 1);

describe.each(backendsUnderTest)("on %s", (backend) => {
  describe.each(familiesOn(backend))("%s", (family) => {
    const { runs } = readFixture<{ runs: Run[] }>(`checkpoints/${family}/amulet.json`);
    let model: Model;
    let before = 0;
    beforeAll(async () => {
      await startBackend(backend);
      before = tf.memory().numTensors;
      model = await loadFixture(family);
    });
    afterAll(() => {
      model.dispose();
      expect(tf.memory().numTensors, "tensors left behind").toBe(before);
    });

    /** Both rows of a run in one batch. */
    async function answer(run: Run, method: Method, expected: readonly number[][]): Promise<number[][]> {
      const requests = run.base_ids.map((base, row) => ({
        base,
        preference: run.preference_ids[row]!,
        method,
        choose: chooseGreedily,
        maxNewTokens: expected[row]!.length,
      }));
      const tokens = requests.map((): number[] => []);
      for await (const event of decode(model, requests)) {
        if (event.type === "token") tokens[event.request]!.push(event.id);
      }
      return tokens;
    }

    test.each(runs)(
      "T = $iterations, α = $alpha, λ = $lambda, η = $eta: the policies, from its logits",
      async (run) => {
        for (const algorithm of [amuletCollapsed, amuletLoop]) {
          const policy_BV = tf.tidy(() =>
            tf.exp(
              algorithm(
                logPolicy(tf.tensor2d(run.base_logits)),
                logPolicy(tf.tensor2d(run.preference_logits)),
                run,
              ),
            ),
          );
          const rows = (await policy_BV.array()) as number[][];
          policy_BV.dispose();
          for (const [row, policy] of rows.entries()) {
            const distance = policy.reduce((sum, p, id) => sum + Math.abs(p - run.policy[row]![id]!), 0) / 2;
            expectWithin(distance, toleranceOf(run, row, backend));
          }
        }
      },
    );

    test.each(someOn(runs, 3))(
      "T = $iterations, α = $alpha, λ = $lambda, η = $eta: the tokens",
      async (run) => {
        for (const method of [amuletMethod(run), amuletExactMethod(run)]) {
          expect(await answer(run, method, run.tokens)).toEqual(run.tokens.map(untilEnd));
        }
        const alignment = linearAlignmentMethod(run.linear_alignment_ratio);
        const expected = run.linear_alignment_tokens;
        expect(await answer(run, alignment, expected)).toEqual(expected.map(untilEnd));
      },
    );
  });
});
