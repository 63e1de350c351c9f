/** Threads: the same numbers however many there are, each chunk once, and none left behind. */
import { syncBuiltinESMExports } from "node:module";
import { setTimeout as wait } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import workers, { type Worker } from "node:worker_threads";
import { describe, expect, test } from "vitest";
import { ScratchParts } from "../src/memory/scratch-parts.js";
import { Pool } from "../src/pool/pool.js";
import { Program } from "../src/pool/program.js";
import { bytesOfRow } from "../src/stored-rows.js";
import { storedTypes } from "../src/stored-types.js";
import { multiply } from "../src/weights/product.js";

const inputs = 256;
const outputs = 1024;
/** In registers, and by way of scratch. */
const rowCounts = [2, 3];

/** A job over Q8_0 weights that adds to results that are 1: a chunk done twice, or not at all, shows. */
function prepare(threads: number, rows = 3) {
  const pool = new Pool(threads);
  const type = storedTypes.get("Q8_0")!;
  const at = pool.heap.allocate(outputs * bytesOfRow(type, inputs));
  const bytes = new Uint8Array(outputs * bytesOfRow(type, inputs));
  for (let i = 0; i < bytes.length; i++) bytes[i] = i % 34 === 1 ? 0x2c : (i * 73) & 255;
  pool.heap.bytes.set(bytes, at);
  const statesAt = pool.heap.allocate(4 * rows * inputs);
  pool.heap
    .floats(statesAt, rows * inputs)
    .set(Float32Array.from({ length: rows * inputs }, (_, i) => Math.sin(i)));
  const resultAt = pool.heap.allocate(4 * rows * outputs);
  const results = () => pool.heap.floats(resultAt, rows * outputs);
  const run = (): Float32Array => {
    results().fill(1);
    const part = { blocks: { type, at, outputs, inputs }, resultAt, resultRowBytes: 4 * outputs, adds: true };
    const [program, scratch] = [new Program(pool), new ScratchParts(pool.heap)];
    multiply(program, scratch, { at: statesAt, count: rows }, [part]);
    program.run();
    scratch.release();
    return results().slice();
  };
  const end = () => {
    for (const held of [at, statesAt, resultAt]) pool.release(held);
  };
  return { pool, run, end };
}

const areEqual = (one: Float32Array, other: Float32Array) =>
  Buffer.compare(new Uint8Array(one.buffer), new Uint8Array(other.buffer)) === 0;

function runAlone(rows: number): Float32Array {
  const { run, end } = prepare(1, rows);
  const results = run();
  end();
  return results;
}

const expected = runAlone(3);

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** Tells the threads that are started meanwhile. */
async function withThreads<T>(act: (threads: readonly Worker[]) => Promise<T>): Promise<T> {
  const threads: Worker[] = [];
  const { Worker } = workers;
  workers.Worker = class extends Worker {
    constructor(...given: ConstructorParameters<typeof Worker>) {
      super(...given);
      threads.push(this);
    }
  };
  syncBuiltinESMExports();
  try {
    return await act(threads);
  } finally {
    workers.Worker = Worker;
    syncBuiltinESMExports();
  }
}

/** Nothing else of it can be reached when this returns. */
function closedPool() {
  const { pool, run, end } = prepare(2);
  run();
  const { memory } = pool as unknown as { memory: object };
  end();
  return { pool, memory: new WeakRef(memory) };
}

describe("jobs of several threads", () => {
  test.each(rowCounts)(
    "give the numbers of one thread for %i rows, bit for bit, hundreds of times",
    async (rows) => {
      const { pool, run, end } = prepare(4, rows);
      const expected = runAlone(rows);
      expect(pool.chunksFor(outputs / 4, 4 * inputs * rows)).toBeGreaterThan(8);
      for (let round = 0; round < 300; round++) {
        expect(areEqual(run(), expected), `round ${round}`).toBe(true);
        // Threads start, and fall asleep, in between.
        if (round % 60 === 0) await new Promise((resolve) => setTimeout(resolve, 20));
      }
      end();
      expect(pool.isOpen).toBe(false);
    },
  );

  /** The jobs, with so many chunks less of each that has several. */
  function withChunks(records: Uint32Array, chunksOf: (chunks: number) => number): Uint32Array {
    const changed = records.slice();
    for (let at = 0; at < changed.length; at += changed[at + 2]! / 4)
      if (changed[at + 1]! > 1) changed[at + 1] = chunksOf(changed[at + 1]!);
    return changed;
  }

  test.each([
    [
      "not claimed",
      (play: Pool["play"]): Pool["play"] =>
        (records, ...given) =>
          play(
            withChunks(records, (chunks) => chunks - 1),
            ...given,
          ),
    ],
    [
      "claimed twice",
      (play: Pool["play"]): Pool["play"] =>
        (records, ...given) => {
          play(
            withChunks(records, () => 1),
            ...given,
          );
          play(records, ...given);
        },
    ],
  ])("a chunk that is %s is seen", (_, plant) => {
    const { pool, run, end } = prepare(2);
    expect(run()).toEqual(expected);
    pool.play = plant(pool.play.bind(pool));
    expect(run()).not.toEqual(expected);
    end();
  });

  test("a pool that is never used starts no thread, and one that is closed is left by all", async () => {
    const started = await withThreads(async (threads) => {
      const unused = new Pool(3);
      unused.release(unused.heap.allocate(1));
      await wait(20);
      expect(threads).toEqual([]);
      const { pool, run, end } = prepare(3);
      run();
      for (let turn = 0; turn < 400 && threads.length < 2; turn++) await wait(5);
      expect(threads.length).toBe(2);
      await wait(50);
      expect(run()).toEqual(expected);
      end();
      expect(pool.isOpen).toBe(false);
      return threads;
    });
    // A thread that has ended has no number.
    const isThere = ({ threadId }: Worker) => threadId >= 0;
    for (let turn = 0; turn < 400 && started.some(isThere); turn++) await wait(5);
    expect(started.filter(isThere)).toEqual([]);
    const { run: again, end: endAgain } = prepare(3);
    expect(again()).toEqual(expected);
    endAgain();
  });

  test("the memory of a closed pool goes, whoever still has the pool", async () => {
    const { pool, memory } = closedPool();
    // What was asked for in a turn of the event loop stays until its end.
    for (let turn = 0; turn < 200 && memory.deref(); turn++) {
      await wait(5);
      collectGarbage();
    }
    expect(memory.deref()).toBeUndefined();
    expect(pool.heldBytes).toBe(0);
    expect(() => pool.heap.allocate(1)).toThrow(/no room/);
  });
});
