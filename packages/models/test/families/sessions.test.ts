/** Laws of sessions that hold for every family: how tokens come in changes nothing, and nothing stays behind. */
import { startBackend } from "@amulet-ts/backends";
import type { Model, TensorSession } from "@amulet-ts/models";
import { backendsUnderTest, expectWithin, someOn } from "@amulet-ts/testing/backends/under-test";
import {
  checkpoints,
  countLeaks,
  distance,
  loadFixture,
  prefill,
  readRows,
  toleranceBetweenRuns,
} from "@amulet-ts/testing/reference/checkpoints";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const vocabulary = 288;

/** Below, at and beyond the sliding window of 6. */
const lengths = [3, 6, 7, 13];

/** Ids that look random and differ from row to row. */
function makeRow(length: number, seed: number): number[] {
  return Array.from({ length }, (_, t) => (seed * 97 + t * t * 31 + t * 13 + 5) % vocabulary);
}

const rows = lengths.map((length, b) => makeRow(length, b));

describe("sessions on the fixtures", () => {
  describe.each(backendsUnderTest)("on %s", (backend) => {
    beforeAll(async () => {
      await startBackend(backend);
    });

    describe.each(someOn(checkpoints, 3))("%s", (folder) => {
      const tolerance = toleranceBetweenRuns(folder, rows, backend);
      let model: Model;
      let alone: Float32Array[][];
      beforeAll(async () => {
        model = await loadFixture(folder);
        alone = await Promise.all(rows.map((row) => prefill(model, row)));
      });
      afterAll(() => model.dispose());

      const lastAlone = () => alone.map((logits) => logits.at(-1)!);

      test("prefill equals steps", async () => {
        using session = model.openTensorSession(1);
        const steps: Float32Array[] = [];
        for (const id of rows[3]!) steps.push(...(await readRows(session.append([[id]]))));
        expectWithin(distance(steps, alone[3]!), tolerance);
      });

      test("a row in pieces equals the row at once", async () => {
        const row = rows[3]!;
        using session = model.openTensorSession(1);
        const logits: Float32Array[] = [];
        for (const [from, to] of [
          [0, 1],
          [1, 4],
          [4, 5],
          [5, 11],
          [11, 13],
        ] as const) {
          logits.push(...(await readRows(session.appendAll([row.slice(from, to)])[0]!)));
        }
        expectWithin(distance(logits, alone[3]!), tolerance);
      });

      test("rows of unequal lengths equal each row alone", async () => {
        using session = model.openTensorSession(rows.length);
        const together = session.appendAll(rows);
        for (const [b, logits] of together.entries())
          expectWithin(distance(await readRows(logits), alone[b]!), tolerance);
        expect(session.lengths).toEqual(lengths);
      });

      test("rows of unequal lengths, extended by unequal pieces and steps, equal each row alone", async () => {
        using session = model.openTensorSession(rows.length);
        session.append(rows.map((row) => row.slice(0, Math.ceil(row.length / 3)))).dispose();
        session.append(rows.map((row) => row.slice(Math.ceil(row.length / 3), -1))).dispose();
        const last = await readRows(session.append(rows.map((row) => row.slice(-1))));
        expectWithin(distance(last, lastAlone()), tolerance);
      });

      test("a fork makes no tensor and takes no memory", async () => {
        using session = model.openTensorSession(1);
        session.append([rows[0]!]).dispose();
        for (const id of [3, 4]) session.append([[id]]).dispose();
        const before = tf.memory();
        session.select(Array(64).fill(0));
        expect(tf.memory()).toMatchObject({ numTensors: before.numTensors, numBytes: before.numBytes });
        session.select([63]);
        expect(tf.memory().numTensors).toBe(before.numTensors);
      });

      test("select drops, reorders and forks rows, and forks go their own ways", async () => {
        using session = model.openTensorSession(rows.length);
        session.append(rows.map((row) => row.slice(0, -1))).dispose();
        session.select([3, 1, 3]);
        expect(session.lengths).toEqual([12, 5, 12]);
        const ends = [rows[3]!.at(-1)!, rows[1]!.at(-1)!, 7];
        const last = await readRows(session.append(ends.map((id) => [id])));
        const other = await prefill(model, [...rows[3]!.slice(0, -1), 7]);
        const expected = [alone[3]!.at(-1)!, alone[1]!.at(-1)!, other.at(-1)!];
        expectWithin(distance(last, expected), tolerance);
      });

      test("rewind forgets what came after, in one row or down to nothing", async () => {
        using session = model.openTensorSession(rows.length);
        session.append(rows.map((row, b) => [...row.slice(0, -1), ...makeRow(1 + b, 50 + b)])).dispose();
        session.rewind(lengths.map((length, b) => (b === 2 ? 0 : length - 1)));
        const rest = rows.map((row, b) => (b === 2 ? row : row.slice(-1)));
        const last = await readRows(session.append(rest));
        expectWithin(distance(last, lastAlone()), tolerance);
      });

      test("a row that was forked and put into another session goes on as it would have alone", async () => {
        using first = model.openTensorSession(rows.length);
        first.append(rows.map((row) => row.slice(0, -2))).dispose();
        first.append(rows.map((row) => [row.at(-2)!])).dispose();
        using kept = first.fork([3, 1]);
        expect(kept.lengths).toEqual([12, 5]);
        // What becomes of the original is nothing to the fork: it grows, is shortened, grows otherwise and goes.
        first.append(rows.map(() => [9])).dispose();
        first.rewind([1, 2, 3, 4]);
        first.append(rows.map(() => [8, 7])).dispose();
        first.dispose();
        using second = model.openTensorSession(1);
        second.append([rows[2]!.slice(0, -1)]).dispose();
        second.include(kept);
        expect(second.lengths).toEqual([6, 12, 5]);
        const ends = [rows[2]!, rows[3]!, rows[1]!].map((row) => [row.at(-1)!]);
        const last = await readRows(second.append(ends));
        expectWithin(distance(last, [lastAlone()[2]!, lastAlone()[3]!, lastAlone()[1]!]), tolerance);
        // The same once more, from what is kept still, shortened.
        kept.rewind([11, 5]);
        const again = await readRows(kept.append([rows[3]!.slice(11), rows[1]!.slice(5)]));
        expectWithin(distance(again, [lastAlone()[3]!, lastAlone()[1]!]), tolerance);
      });

      test.each([[[0, 2, 1]], [[1, 0, 2]]])(
        "what is forked goes with the last who holds it: %j",
        async (order) => {
          const grow = (session: TensorSession, id: number) =>
            session.append(session.lengths.map(() => [id])).dispose();
          const leaked = await countLeaks(async () => {
            const first = model.openTensorSession(2);
            first.append([rows[0]!, rows[0]!]).dispose();
            grow(first, 4);
            const { numTensors } = tf.memory();
            const sessions = [first, first.fork([1, 1]), first.fork([])];
            sessions[2]!.include(sessions[1]!);
            sessions[2]!.include(first);
            sessions[2]!.include(sessions[2]!);
            expect(sessions[2]!.lengths).toEqual(Array(8).fill(4));
            expect(tf.memory().numTensors).toBe(numTensors);
            for (const session of sessions) grow(session, 5);
            const [one, another, last] = order.map((i) => sessions[i]!);
            one!.dispose();
            grow(another!, 6);
            another!.dispose();
            grow(last!, 6);
            last!.dispose();
          });
          expect(leaked).toBe(0);
        },
      );

      test("no call leaves a tensor behind", async () => {
        const leaked = await countLeaks(async () => {
          using session = model.openTensorSession(rows.length);
          await readRows(session.append(rows));
          for (const logits of session.appendAll(rows)) logits.dispose();
          session.select([0, 0, 2]);
          for (let step = 0; step < 12; step++) session.append([[step], [step + 1], [step + 2]]).dispose();
          session.rewind([2, 5, 9]);
          session.append([[1, 2], [3], [4, 5, 6]]).dispose();
        });
        expect(leaked).toBe(0);
      });

      test("loading and disposing of the model leaves no tensor behind", async () => {
        const leaked = await countLeaks(async () => {
          const second = await loadFixture(folder);
          second.openTensorSession(1).dispose();
          second.dispose();
        });
        expect(leaked).toBe(0);
      });
    });
  });
});
