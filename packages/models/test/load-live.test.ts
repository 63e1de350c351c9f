/** While a model loads the host lives: timers run, and an abort by timer ends it within one piece of one tensor. */
import type { Place, TensorSource } from "@amulet-ts/files";
import { withoutLeaks } from "@amulet-ts/testing/backends/no-leaks";
import { writeGguf } from "@amulet-ts/testing/files/checkpoint-writer";
import { tinyLlama } from "@amulet-ts/testing/models/tiny-llama";
import { expect, test } from "vitest";
import { loadModel } from "../src/loading/load-model.js";
import { readParameter } from "../src/loading/read-parameter.js";

withoutLeaks("cpu");

const bytes = writeGguf(tinyLlama());

/** Works for some milliseconds without ever waiting, as decoding does. */
function beBusy(milliseconds: number): void {
  const end = performance.now() + milliseconds;
  while (performance.now() < end);
}

/** A file in memory whose every read is work: its promises are kept before any timer runs. */
function busyFile(onRead: () => void): Place {
  const open: Place["open"] = async () => ({
    size: bytes.length,
    async read(into, offset, position) {
      onRead();
      beBusy(3);
      const some = bytes.subarray(position, position + into.length - offset);
      into.set(some, offset);
      return some.length;
    },
    close: async () => {},
  });
  const nothing = async () => undefined;
  const place: Place = {
    path: "busy.gguf",
    name: "busy.gguf",
    kind: async () => "file",
    open,
    readText: nothing,
    child: () => place,
    sibling: () => place,
  };
  return place;
}

test("a timer is not kept waiting longer than a few reads", async () => {
  let reads = 0;
  const readsAtTick = [0];
  const timer = setInterval(() => readsAtTick.push(reads), 5);
  const model = await loadModel(busyFile(() => reads++));
  clearInterval(timer);
  model.dispose();
  expect(reads).toBeGreaterThan(20);
  const gaps = readsAtTick.slice(1).map((count, i) => count - readsAtTick[i]!);
  expect(gaps.length).toBeGreaterThan(3);
  // The loop turns after at most 12 ms of work: four reads, and those of the parameter that was under way.
  expect(Math.max(...gaps)).toBeLessThanOrEqual(8);
});

test("a timer's abort is heard", async () => {
  const signal = AbortSignal.timeout(30);
  await expect(
    loadModel(
      busyFile(() => {}),
      { signal },
    ),
  ).rejects.toMatchObject({
    name: "CoreError",
    code: "aborted",
  });
});

const [rows, columns] = [5000, 1024];

/** A matrix of five million numbers, and what is done when some of its rows are read. */
function busyMatrix(onRead: () => void): TensorSource {
  return {
    name: "busy",
    shape: [rows, columns],
    type: "F32",
    byteLength: 4 * rows * columns,
    read: () => Promise.reject(new Error("A matrix is read in pieces.")),
    async readRows(_, count) {
      onRead();
      beBusy(3);
      return new Float32Array(count * columns);
    },
    async readStored() {
      throw new Error("Nobody asked for stored weights.");
    },
  };
}

test.each([
  ["columns", { multiplied: true, lookedUp: false }],
  ["rows", { multiplied: false, lookedUp: true }],
])("a matrix that is read as %s ends at the piece at which it is aborted", async (_, uses) => {
  const abort = new AbortController();
  let reads = 0;
  const source = busyMatrix(() => {
    reads++;
    if (reads === 2) abort.abort();
  });
  const planned = { paths: ["w"], form: "weight", uses, parts: [{ source, inputsFirst: false, offset: 0 }] };
  const options = { weights: "float32", tensorLimitBytes: Number.POSITIVE_INFINITY, signal: abort.signal };
  await expect(readParameter(planned as never, options as never)).rejects.toMatchObject({ code: "aborted" });
  expect(reads).toBe(2);
});
