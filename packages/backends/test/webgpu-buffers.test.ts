/** The store of buffers against a device that only counts. */
import { fc, test as property } from "@fast-check/vitest";
import { describe, expect, test } from "vitest";
import { BoundedBuffers } from "../src/webgpu/webgpu-buffers.js";
import type { GpuBuffer, GpuDevice } from "../src/webgpu/webgpu-device.js";

/** Bytes that are allocated, and a record of what was destroyed. */
class CountingDevice {
  bytes = 0;
  readonly destroyed = new Set<GpuBuffer>();

  createBuffer({ size, usage }: { size: number; usage: number }): GpuBuffer {
    this.bytes += size;
    const buffer: GpuBuffer = {
      size,
      usage,
      destroy: () => {
        expect(this.destroyed.has(buffer), "destroyed twice").toBe(false);
        this.destroyed.add(buffer);
        this.bytes -= size;
      },
    };
    return buffer;
  }
}

function makeStore(budget: number) {
  const device = new CountingDevice();
  return { device, store: new BoundedBuffers(device as unknown as GpuDevice, budget) };
}

describe("bounded buffers", () => {
  test("a cache that grows by a token at each of 500 steps leaves no more than the budget behind", () => {
    const { device, store } = makeStore(10_000);
    let cache: GpuBuffer | undefined;
    for (let token = 1; token <= 500; token++) {
      const grown = store.acquireBuffer(token * 64, 1);
      if (cache) store.releaseBuffer(cache);
      cache = grown;
      expect(device.bytes).toBeLessThanOrEqual(10_000 + (2 * token - 1) * 64);
    }
    store.releaseBuffer(cache!);
    expect(device.bytes).toBeLessThanOrEqual(10_000);
  });

  test("steps that are alike allocate nothing after the first", () => {
    const { device, store } = makeStore(1000);
    const step = () => {
      const buffers = [100, 200, 100].map((size) => store.acquireBuffer(size, 1));
      for (const buffer of buffers) store.releaseBuffer(buffer);
    };
    step();
    const after = device.bytes;
    for (let i = 0; i < 20; i++) step();
    expect({ bytes: device.bytes, destroyed: device.destroyed.size }).toEqual({ bytes: after, destroyed: 0 });
  });

  test("what was used least recently goes first", () => {
    const { device, store } = makeStore(250);
    const [old, fresh] = [store.acquireBuffer(100, 1), store.acquireBuffer(120, 1)];
    for (const buffer of [old, fresh]) store.releaseBuffer(buffer);
    store.releaseBuffer(store.acquireBuffer(100, 1));
    store.releaseBuffer(store.acquireBuffer(50, 1));
    expect([...device.destroyed]).toEqual([fresh]);
  });

  const call = fc.record({
    size: fc.constantFrom(4, 64, 65, 900),
    usage: fc.constantFrom(1, 2),
    reuse: fc.boolean(),
  });

  property.prop([fc.array(fc.tuple(call, fc.nat())), fc.constantFrom(0, 100, 1000)])(
    "whatever is asked: the counts are true, a buffer in use is whole and its own, free ones stay in the budget",
    (calls, budget) => {
      const { device, store } = makeStore(budget);
      const used: { buffer: GpuBuffer; reuse: boolean }[] = [];
      for (const [{ size, usage, reuse }, choice] of calls) {
        if (choice % 2 === 0 && used.length > 0) {
          const [one] = used.splice(choice % used.length, 1);
          store.releaseBuffer(one!.buffer, one!.reuse);
        } else {
          const buffer = store.acquireBuffer(size, usage, false, reuse);
          expect(buffer).toMatchObject({ size, usage });
          expect(used.some((one) => one.buffer === buffer)).toBe(false);
          used.push({ buffer, reuse });
        }
        const bytesUsed = used.reduce((sum, { buffer }) => sum + buffer.size, 0);
        expect(store.numBytesUsed).toBe(bytesUsed);
        expect(store.numBytesAllocated).toBe(device.bytes);
        expect(store.getNumUsedBuffers()).toBe(used.length);
        expect(device.bytes - bytesUsed).toBeLessThanOrEqual(budget);
        expect(used.some(({ buffer }) => device.destroyed.has(buffer))).toBe(false);
      }
      store.dispose();
      expect(device.bytes).toBe(0);
    },
  );
});
