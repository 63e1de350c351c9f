import fc from "fast-check";
import { expect, test } from "vitest";
import { Heap, mostPages } from "../src/memory/heap.js";
import { firstFree } from "../src/memory/layout.js";
import { Memory } from "../src/memory/webassembly.js";

const steps = fc.array(
  fc.oneof(fc.record({ bytes: fc.integer({ min: 0, max: 100_000 }) }), fc.record({ drop: fc.nat() })),
  {
    maxLength: 60,
  },
);

test("parts that are held never meet, and what is given back is used again", () => {
  fc.assert(
    fc.property(steps, (actions) => {
      const heap = new Heap(new Memory({ initial: 1, maximum: 1024, shared: false }));
      const held: { at: number; bytes: number }[] = [];
      for (const action of actions) {
        if ("bytes" in action) held.push({ at: heap.allocate(action.bytes), bytes: action.bytes });
        else if (held.length > 0) heap.release(held.splice(action.drop % held.length, 1)[0]!.at);
        const sorted = held.toSorted((a, b) => a.at - b.at);
        for (const [i, { at, bytes }] of sorted.entries()) {
          expect(at % 64).toBe(0);
          expect(at + bytes).toBeLessThanOrEqual(sorted[i + 1]?.at ?? heap.bytes.length);
        }
      }
      for (const { at } of held) heap.release(at);
      expect(heap.holds).toBe(0);
      // All of it is one part again.
      const size = heap.bytes.length;
      heap.allocate(size - 4096);
      expect(heap.bytes.length).toBe(size);
    }),
    { numRuns: 200 },
  );
});

test("where the last part of the largest memory ends is an address", () => {
  const heap = new Heap(new Memory({ initial: mostPages, maximum: mostPages, shared: false }));
  const bytes = heap.bytes.length - firstFree;
  const end = heap.allocate(bytes) + bytes;
  expect(end).toBe(heap.bytes.length);
  expect(end >>> 0).toBe(end);
});

test("a memory that is full says so", () => {
  const heap = new Heap(new Memory({ initial: 1, maximum: 2, shared: false }));
  heap.allocate(6400);
  expect(() => heap.allocate(2 ** 20)).toThrow(
    /holds 6400 bytes and has no room for another 1048576 .*--backend.*--engine llama\.cpp/,
  );
  expect(heap.allocate(100)).toBeGreaterThan(0);
});

test("what is no number of bytes is refused, and not looked for without end", () => {
  const heap = new Heap(new Memory({ initial: 1, maximum: 2, shared: false }));
  for (const bytes of [Number.NaN, -1, Number.POSITIVE_INFINITY])
    expect(() => heap.allocate(bytes)).toThrow(/a number of bytes, 0 or more; this one has/);
});
