/**
 * The cache to its end: tokens one at a time until the context is full, through every merge of the tail into the long
 * part, and what sessions do on the way. The model is tiny, made here; a float64 oracle of it says what is right.
 */
import { startBackend } from "@amulet-ts/backends";
import type { Model } from "@amulet-ts/models";
import { logitTolerance } from "@amulet-ts/testing/backends/tolerance";
import { backendsUnderTest, expectWithin } from "@amulet-ts/testing/backends/under-test";
import { tinyConfig, tinyFolder, tinyTensors } from "@amulet-ts/testing/models/tiny-folder";
import { argMax, distance, readRows } from "@amulet-ts/testing/reference/checkpoints";
import { oracleLogits } from "@amulet-ts/verify";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { loadModel } from "../../packages/models/src/browser.js";

const plain = { family: "llama", config: tinyConfig, tensors: tinyTensors() } as unknown as Parameters<
  typeof oracleLogits
>[0];
const folder = Object.fromEntries(
  Object.entries(tinyFolder()).map(([name, content]) => [name, new Blob([content])]),
);
const { max_position_embeddings: capacity, vocab_size: vocabulary } = tinyConfig;

/** Ids that look random; two rows share nothing but their lengths. */
const rowOf = (seed: number, length = capacity) =>
  Array.from({ length }, (_, t) => (seed * 97 + t * t * 31 + t * 13 + 5) % vocabulary);
const rows = [rowOf(1), rowOf(2)] as const;
const exact = rows.map((row) => oracleLogits(plain, row));

describe.each(backendsUnderTest)("on %s", (backend) => {
  const sizes = { longestSum: tinyConfig.intermediate_size, norms: 2 };
  const tolerance = Math.max(...rows.map((row) => logitTolerance(plain, row, sizes, backend)));
  let model: Model;
  let before = 0;
  beforeAll(async () => {
    await startBackend(backend);
    model = await loadModel(folder);
  });
  afterAll(() => model.dispose());
  beforeEach(() => {
    before = tf.memory().numTensors;
  });
  afterEach(() => expect(tf.memory().numTensors, "tensors left behind").toBe(before));

  test("every step until the context is full is the oracle's, in rows of unequal length; then an error, and on", async () => {
    using session = model.openTensorSession(2);
    session.append([rows[0].slice(0, 2), rows[1].slice(0, 9)]).dispose();
    for (let t = 9; t < capacity; t++) {
      const logits = await readRows(session.append([[rows[0][t - 7]!], [rows[1][t]!]]));
      expectWithin(distance(logits, [exact[0]![t - 7]!, exact[1]![t]!]), tolerance);
    }
    expect(session.lengths).toEqual([capacity - 7, capacity]);
    const held = tf.memory().numTensors;
    expect(() => session.append([[1], [1]])).toThrow(expect.objectContaining({ code: "context-overflow" }));
    expect(tf.memory().numTensors).toBe(held);
    expect(session.lengths).toEqual([capacity - 7, capacity]);
    session.select([0]);
    const [next] = await readRows(session.append([[rows[0][capacity - 7]!]]));
    expectWithin(distance([next!], [exact[0]![capacity - 7]!]), tolerance);
  });

  /** Steps after which a tail is about to be full, has just been merged, or holds something. */
  test.each([6, 7, 8, 9, 15, 17])(
    "after %i steps rows are forked, reordered and rewound, and go on as the oracle says",
    async (steps) => {
      using session = model.openTensorSession(2);
      session.append([rows[0].slice(0, 3), rows[1].slice(0, 5)]).dispose();
      for (let t = 0; t < steps; t++) session.append([[rows[0][3 + t]!], [rows[1][5 + t]!]]).dispose();
      session.select([1, 0, 1]);
      session.rewind([5 + steps, 3 + (steps >> 1), 2]);
      for (let t = 0; t < 3; t++) {
        const at = [5 + steps + t, 3 + (steps >> 1) + t, 2 + t] as const;
        const tokens = [rows[1][at[0]]!, rows[0][at[1]]!, rows[1][at[2]]!];
        const logits = await readRows(session.append(tokens.map((token) => [token])));
        const expected = [exact[1]![at[0]]!, exact[0]![at[1]]!, exact[1]![at[2]]!];
        expectWithin(distance(logits, expected), tolerance);
      }
    },
  );

  test("greedy tokens through a merge are those of the oracle that reads all of them again", async () => {
    using session = model.openTensorSession(1);
    const ids = rows[0].slice(0, 4);
    let [logits] = await readRows(session.append([ids]));
    for (let step = 0; step < 12; step++) {
      const expected = oracleLogits(plain, ids).at(-1)!;
      const highest = Math.max(...expected);
      const best = expected.indexOf(highest);
      // Among logits within rounding of each other any may win, and no other.
      const mayWin = expected.filter((logit) => logit >= highest - 2 * tolerance);
      expect(mayWin.length, "tokens that rounding may choose").toBeLessThanOrEqual(vocabulary / 20);
      expect(mayWin).toContain(expected[argMax(logits!)]);
      ids.push(best);
      [logits] = await readRows(session.append([[best]]));
    }
  });
});
