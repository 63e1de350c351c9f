import { withoutLeaks } from "@amulet-ts/testing/backends/no-leaks";
import { backendsUnderTest } from "@amulet-ts/testing/backends/under-test";
import { ToyModel } from "@amulet-ts/testing/models/toy-model";
import { describe, expect, test } from "vitest";
import {
  amuletExactMethod,
  amuletMethod,
  boundedMethod,
  chooseGreedily,
  createChooser,
  decode,
} from "../src/index.js";

describe.each(backendsUnderTest)("on %s", (backend) => {
  withoutLeaks(backend);

  const broken = [
    ["NaN at one token", [1, Number.NaN, 2, 0]],
    ["NaN everywhere", [Number.NaN, Number.NaN, Number.NaN, Number.NaN]],
    ["+Infinity at one token", [1, Number.POSITIVE_INFINITY, 2, 0]],
    ["nothing possible", Array(4).fill(Number.NEGATIVE_INFINITY)],
  ] as const;
  const methods = [amuletMethod(), amuletExactMethod(), boundedMethod(0.2)];
  const choosers = { greedy: chooseGreedily, sampling: createChooser({ temperature: 1 }) };
  const cases = broken.flatMap(([what, logits]) =>
    methods.flatMap((method) =>
      Object.entries(choosers).map(
        ([how, choose]) => [what, method.name, how, { logits, method, choose }] as const,
      ),
    ),
  );

  test.each(cases)(
    "a model whose logits hold %s is never answered with (%s, %s)",
    async (_, __, ___, { logits, method, choose }) => {
      // Only the preference prompt, which ends with 1, is broken.
      const model = new ToyModel((row) => (row[0] === 1 ? logits : [0, 1, 2, 3]), 4);
      const request = { base: [0], preference: [1], method, choose, maxNewTokens: 3 };
      await expect(decode(model, [request]).next()).rejects.toMatchObject({ code: "not-finite" });
    },
  );
});
