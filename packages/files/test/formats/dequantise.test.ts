import { fixture } from "@amulet-ts/testing/reference/fixture";
import { describe, expect, test } from "vitest";
import { ggufTensorTypes } from "../../src/formats/numbers/dequantise.js";
import { openGguf, openSafetensors } from "./on-disk.js";

const bitsOf = (numbers: Float32Array) => new Uint32Array(numbers.buffer, numbers.byteOffset, numbers.length);

const typeNames = [...ggufTensorTypes.values()].map((type) => type.name).filter((name) => name !== "F64");

describe("against the gguf package", () => {
  test.each(typeNames)("%s dequantises to the same bits", async (name) => {
    const coded = await openGguf(fixture("formats/quant-types.gguf"));
    const expected = await openSafetensors(fixture("formats/quant-types.expected.safetensors"));
    const tensor = coded.tensors.get(`blocks.${name}`)!;
    expect(tensor.type).toBe(name);
    expect(tensor.shape).toEqual(expected.tensors.get(name)!.shape);
    expect(bitsOf(await tensor.read())).toEqual(bitsOf(await expected.tensors.get(name)!.read()));
    await Promise.all([coded.close(), expected.close()]);
  });

  test("a checkpoint's GGUF holds the weights of its safetensors", async () => {
    const gguf = await openGguf(fixture("formats/llama-gqa-tied.f32.gguf"));
    const original = await openSafetensors(fixture("checkpoints/llama-gqa-tied/model.safetensors"));
    const twins = [
      ["token_embd.weight", "model.embed_tokens.weight"],
      ["output_norm.weight", "model.norm.weight"],
      ["blk.0.attn_v.weight", "model.layers.0.self_attn.v_proj.weight"],
      ["blk.1.ffn_down.weight", "model.layers.1.mlp.down_proj.weight"],
    ] as const;
    for (const [name, twin] of twins) {
      expect(gguf.tensors.get(name)!.shape).toEqual(original.tensors.get(twin)!.shape);
      expect(bitsOf(await gguf.tensors.get(name)!.read())).toEqual(
        bitsOf(await original.tensors.get(twin)!.read()),
      );
    }
    await Promise.all([gguf.close(), original.close()]);
  });

  test("Q8_0 stays within half a step of what was quantised", async () => {
    const coded = await openGguf(fixture("formats/llama-gqa-tied.q8_0.gguf"));
    const exact = await openGguf(fixture("formats/llama-gqa-tied.f32.gguf"));
    const quantised = [...coded.tensors.values()].filter((tensor) => tensor.type === "Q8_0");
    expect(quantised.length).toBeGreaterThan(0);
    for (const tensor of quantised) {
      const [got, wanted] = [await tensor.read(), await exact.tensors.get(tensor.name)!.read()];
      for (let block = 0; block < got.length; block += 32) {
        const largest = Math.max(...wanted.subarray(block, block + 32).map(Math.abs));
        const worst = Math.max(
          ...got.subarray(block, block + 32).map((x, i) => Math.abs(x - wanted[block + i]!)),
        );
        // Half a step of largest/127, and the step itself is rounded to a half (2^-11) before up to 127 of them.
        expect(worst).toBeLessThanOrEqual((largest / 127) * (0.5 + 127 / 2 ** 11));
      }
    }
    await Promise.all([coded.close(), exact.close()]);
  });
});

/** Blocks whose values can be worked out by hand: scale 0.5 (half bits 0x3800), offset −1 (0xbc00). */
const half = [0x00, 0x38];
const minusOne = [0x00, 0xbc];
const nibbles = Array.from({ length: 16 }, (_, i) => i | ((15 - i) << 4));
const rising = Array.from({ length: 16 }, (_, i) => i);
const byHand: readonly (readonly [name: string, bytes: number[], expected: number[]])[] = [
  ["Q4_0", [...half, ...nibbles], [...rising, ...rising.toReversed()].map((q) => 0.5 * (q - 8))],
  ["Q4_1", [...half, ...minusOne, ...nibbles], [...rising, ...rising.toReversed()].map((q) => 0.5 * q - 1)],
  [
    "Q5_0",
    [...half, 0xff, 0xff, 0, 0, ...nibbles],
    [...rising.map((q) => 0.5 * q), ...rising.toReversed().map((q) => 0.5 * (q - 16))],
  ],
  [
    "Q5_1",
    [...half, ...minusOne, 0, 0, 0xff, 0xff, ...nibbles],
    [...rising.map((q) => 0.5 * q - 1), ...rising.toReversed().map((q) => 0.5 * (q + 16) - 1)],
  ],
  [
    "Q8_0",
    [...half, ...rising, ...rising.map((q) => 255 - q)],
    [...rising.map((q) => 0.5 * q), ...rising.map((q) => 0.5 * (-1 - q))],
  ],
];

test.each(byHand)("%s decodes a block worked out by hand", (name, bytes, expected) => {
  const type = [...ggufTensorTypes.values()].find((known) => known.name === name)!;
  const out = new Float32Array(32);
  type.decode(Uint8Array.from(bytes), out);
  expect([...out]).toEqual(expected);
  expect(bytes.length).toBe(type.bytesPerBlock);
});

test("every half-precision pattern decodes as IEEE 754 says", () => {
  const patterns = Uint16Array.from({ length: 1 << 16 }, (_, bits) => bits);
  const out = new Float32Array(1 << 16);
  ggufTensorTypes.get(1)!.decode(new Uint8Array(patterns.buffer), out);
  for (const bits of patterns) expect(Object.is(out[bits], halfByDefinition(bits))).toBe(true);
});

/** Moves the fields into float64's places; subnormals are rescaled by 2^-24. */
function halfByDefinition(bits: number): number {
  const view = new DataView(new ArrayBuffer(8));
  const [sign, exponent, fraction] = [bits >>> 15, (bits >>> 10) & 31, bits & 1023];
  if (exponent === 0) return (sign ? -1 : 1) * (fraction / 16_777_216);
  const wide = exponent === 31 ? 2047 : exponent - 15 + 1023;
  view.setUint32(0, ((sign << 31) | (wide << 20) | (fraction << 10)) >>> 0);
  return view.getFloat64(0);
}

describe("a block holds numbers exactly where it decodes to finite ones", () => {
  const halves = [0x0000, 0x8001, 0x3c00, 0x7bff, 0x7c00, 0xfc00, 0x7e00, 0xffff, 0x7c01, 0x03ff];

  test.each([...ggufTensorTypes.values()].map((type) => [type.name, type] as const))("%s", (_, type) => {
    const { bytesPerBlock, blockSize, decode, holdsNumbers } = type;
    for (let at = 0; at + 1 < bytesPerBlock; at += 2) {
      for (const half of halves) {
        // Quants of 1 and 2, so that no infinite scale meets a quant of 0 alone.
        const block = new Uint8Array(bytesPerBlock).fill(0x21);
        block[at] = half & 255;
        block[at + 1] = half >> 8;
        const out = new Float32Array(blockSize);
        decode(block, out);
        expect(holdsNumbers(block, 0), `${half.toString(16)} at ${at}`).toBe(out.every(Number.isFinite));
      }
    }
  });
});
