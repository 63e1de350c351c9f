import { readFileSync } from "node:fs";
import { startBackend } from "@amulet-ts/backends";
import { loadModel, type Model } from "@amulet-ts/models";
import {
  backendsUnderTest,
  expectWithin,
  kernelsOfCards,
  someOn,
} from "@amulet-ts/testing/backends/under-test";
import {
  argMax,
  checkpoints,
  distance,
  loadFixture,
  prefill,
  readReference,
  readRows,
  toleranceOf,
} from "@amulet-ts/testing/reference/checkpoints";
import { fixture } from "@amulet-ts/testing/reference/fixture";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

describe("against the fixtures", () => {
  describe.each(backendsUnderTest)("on %s", (backend) => {
    beforeAll(async () => {
      await startBackend(backend);
    });

    describe.each(checkpoints)("%s", (folder, family) => {
      let model: Model;
      beforeAll(async () => {
        model = await loadFixture(folder);
      });
      afterAll(() => model.dispose());

      test("runs as the family that its config names", () => {
        expect(model.family).toBe(family);
      });

      test("logits at every position are the reference's", async () => {
        using _ = kernelsOfCards(backend);
        for (const reference of readReference(folder)) {
          const logits = await prefill(model, reference.input_ids);
          expectWithin(distance(logits, reference.logits), toleranceOf(folder, reference, backend));
        }
      });

      test("greedy tokens are the reference's", async () => {
        for (const { input_ids, greedy_12 } of someOn(readReference(folder), 1)) {
          expect(await generateGreedily(model, input_ids, greedy_12.length)).toEqual(greedy_12);
        }
      });
    });

    test.each(["llama-gqa-tied.f32.gguf", "llama-gqa-tied.q8_0.gguf"])(
      "%s gives the logits of its own reference",
      async (file) => {
        const path = fixture(`formats/${file}`);
        const expected = JSON.parse(readFileSync(`${path}.expected.json`, "utf8"));
        using model = await loadModel(path);
        // The file was dequantised for its reference: what is left is float32 rounding, as of the folder's.
        const { max_abs_float32_error } = readReference("llama-gqa-tied").at(-1)!;
        const tolerance = toleranceOf("llama-gqa-tied", { ...expected, max_abs_float32_error }, backend);
        const logits = await prefill(model, expected.input_ids);
        expectWithin(distance(logits, expected.logits), tolerance);
      },
    );
  });
});

async function generateGreedily(model: Model, ids: readonly number[], count: number): Promise<number[]> {
  using session = model.openTensorSession(1);
  const generated: number[] = [];
  let next = ids;
  while (generated.length < count) {
    const [row] = await readRows(session.append([next]));
    generated.push(argMax(row!));
    next = generated.slice(-1);
  }
  return generated;
}
