/** What is written is read back: every bit of a float32, or the nearest bfloat16. */

import { encodeSafetensors, openSafetensors } from "@amulet-ts/files";
import { place } from "@amulet-ts/testing/files/checkpoint-writer";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

async function roundTrip(values: Float32Array, type: "F32" | "BF16"): Promise<Float32Array> {
  const file = encodeSafetensors(new Map([["x", { shape: [values.length], values }]]), type);
  const opened = await openSafetensors(await place({ "a.safetensors": Buffer.from(file) }));
  try {
    return await opened.tensors.get("x")!.read();
  } finally {
    await opened.close();
  }
}

const bits = (values: Float32Array) => [...new Uint32Array(values.buffer, values.byteOffset, values.length)];
const anyFloat32 = fc.integer({ min: 0, max: 2 ** 32 - 1 }).map((own) => {
  return new Float32Array(Uint32Array.of(own).buffer)[0]!;
});

/** The nearest bfloat16 by definition: of the two that enclose it the nearer one, of equally near ones the even one. */
function nearestBfloat16(value: number): number {
  const view = new DataView(new ArrayBuffer(4));
  view.setFloat32(0, value);
  const upper = view.getUint16(0);
  const as = (half: number) => {
    view.setUint32(0, half * 2 ** 16);
    return view.getFloat32(0);
  };
  const [down, up] = [as(upper), as(upper + 1)];
  // Beyond the largest finite number the next step counts as if the exponent went on.
  const step = Number.isFinite(up) ? Math.abs(up - down) : 2 ** 120;
  const share = Math.abs(value - down) / step;
  return share > 0.5 || (share === 0.5 && upper % 2 === 1) ? up : down;
}

describe("written and read again", () => {
  it("F32 keeps every bit, NaN's too", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 2 ** 32 - 1 }), { minLength: 1 }), async (own) => {
        const values = new Float32Array(Uint32Array.from(own).buffer);
        expect(bits(await roundTrip(values, "F32"))).toEqual(own);
      }),
      { numRuns: 30 },
    );
  });

  it("BF16 is the nearest bfloat16, ties to even", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyFloat32, { minLength: 1 }), async (own) => {
        const read = await roundTrip(Float32Array.from(own), "BF16");
        expect([...read]).toEqual(
          own.map((value) => (Number.isNaN(value) ? Number.NaN : nearestBfloat16(value))),
        );
      }),
      { numRuns: 100 },
    );
  });

  it("BF16 at its edges", async () => {
    const special = [
      0,
      -0,
      1 + 2 ** -8,
      1 + 3 * 2 ** -8,
      3.4028234663852886e38,
      2 ** -149,
      Infinity,
      -Infinity,
      NaN,
    ];
    const read = await roundTrip(Float32Array.from(special), "BF16");
    expect([...read]).toEqual([0, -0, 1, 1 + 2 ** -6, Infinity, 0, Infinity, -Infinity, NaN]);
  });

  it("several tensors, in the order of the map, with what the file says of itself", async () => {
    const tensors = new Map([
      ["b", { shape: [2, 1], values: Float32Array.of(1, 2) }],
      ["a", { shape: [], values: Float32Array.of(3) }],
      ["empty", { shape: [0, 4], values: new Float32Array(0) }],
    ]);
    const file = encodeSafetensors(tensors, "F32", { about: 'ä "quoted"' });
    const opened = await openSafetensors(await place({ "a.safetensors": Buffer.from(file) }));
    expect([...opened.tensors.keys()]).toEqual(["b", "a", "empty"]);
    expect(opened.metadata.get("about")).toBe('ä "quoted"');
    expect([...opened.tensors.values()].map(({ shape }) => shape)).toEqual([[2, 1], [], [0, 4]]);
    expect([...(await opened.tensors.get("a")!.read())]).toEqual([3]);
    await opened.close();
  });

  it("of a view writes the view, not its buffer", async () => {
    const values = Float32Array.of(9, 1, 2, 9).subarray(1, 3);
    expect([...(await roundTrip(values, "F32"))]).toEqual([1, 2]);
    expect([...(await roundTrip(values, "BF16"))]).toEqual([1, 2]);
  });
});
