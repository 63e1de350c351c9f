import { startBackend } from "@amulet-ts/backends";
import {
  type Entry,
  f32,
  float32Tensor,
  list,
  place,
  stringEntry,
  u64,
  uint32Entry,
  writeGguf,
} from "@amulet-ts/testing/files/checkpoint-writer";
import { tinyLlama } from "@amulet-ts/testing/models/tiny-llama";
import * as tf from "@tensorflow/tfjs-core";
import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { loadModel } from "../src/index.js";

beforeAll(() => startBackend("wasm"));
afterEach(() => {
  vi.restoreAllMocks();
});

const ids = [3, 1, 4, 1, 5, 9, 2, 6];

async function logitsOf(entries: readonly Entry[], divisors: readonly number[]): Promise<number[]> {
  const file = tinyLlama();
  const tensors = divisors.length > 0 ? [float32Tensor("rope_freqs.weight", [2], [...divisors])] : [];
  const gguf = { entries: [...file.entries, ...entries], tensors: [...file.tensors, ...tensors] };
  using model = await loadModel(await place({ "model.gguf": writeGguf(gguf) }));
  using session = model.openTensorSession(1);
  const logits_BV = session.append([ids]);
  const values = [...(await logits_BV.data())];
  logits_BV.dispose();
  return values;
}

const linear = (factor: number): Entry[] => [
  stringEntry("llama.rope.scaling.type", "linear"),
  ["llama.rope.scaling.factor", 6, f32(factor)],
];

test("divisors that are all alike are linear scaling, to the bit", async () => {
  const before = tf.memory().numTensors;
  const divided = await logitsOf([], [4, 4]);
  expect(divided).toEqual(await logitsOf(linear(4), []));
  expect(divided).not.toEqual(await logitsOf([], []));
  expect(divided).not.toEqual(await logitsOf([], [1, 4]));
  expect(tf.memory().numTensors).toBe(before);
});

test("divisors and a factor are both applied, as in llama.cpp", async () => {
  expect(await logitsOf(linear(2), [1, 2])).toEqual(await logitsOf([], [2, 4]));
});

describe("a GGUF file's factor, as llama.cpp reads it", () => {
  const factor = (value: number): Entry => ["llama.rope.scaling.factor", 6, f32(value)];
  const older = (value: number): Entry => ["llama.rope.scale_linear", 6, f32(value)];
  const type = (name: string) => stringEntry("llama.rope.scaling.type", name);

  test.each<[string, Entry[], Entry[]]>([
    ["without a type is linear", [factor(4)], linear(4)],
    ["may have its older name", [older(4)], linear(4)],
    ["may have its older name beside a type", [type("linear"), older(4)], linear(4)],
    ["under its newer name counts", [factor(4), older(8)], linear(4)],
    ["of 0 is none", [factor(0)], []],
    ["of 0 is none under its older name", [older(0)], []],
    ["is nothing beside the type none", [type("none"), factor(4)], []],
    ["may be absent", [type("linear")], []],
    ["of 1 changes nothing", [factor(1), ["llama.rope.scaling.attn_factor", 6, f32(1)]], []],
    [
      "may stand beside a dimension that is the head's",
      [factor(4), uint32Entry("llama.rope.dimension_count", 4)],
      linear(4),
    ],
  ])("%s", async (_, entries, same) => {
    expect(await logitsOf(entries, [])).toEqual(await logitsOf(same, []));
    expect(await logitsOf(linear(4), [])).not.toEqual(await logitsOf([], []));
  });

  test.each<[string, Entry[], RegExp]>([
    [
      "a part of each head turns",
      [uint32Entry("llama.rope.dimension_count", 2)],
      /"rope\.dimension_count" must be 4 .*it is 2/,
    ],
    ["yarn", [type("yarn"), factor(4)], /"rope\.scaling\.type" must be none or linear .*yarn.*it is "yarn"/],
    ["longrope", [type("longrope")], /"rope\.scaling\.type" must be none or linear/],
    [
      "a type of another format",
      [type("dynamic"), factor(4)],
      /"rope\.scaling\.type" must be none or linear/,
    ],
    [
      "scaled attention",
      [["llama.rope.scaling.attn_factor", 6, f32(0.5)]],
      /"rope\.scaling\.attn_factor" must be 1/,
    ],
    ["a factor below 0", [factor(-2)], /"rope\.scaling\.factor" must be a number above 0; it is -2/],
    [
      "a number beyond JavaScript's",
      [["llama.expert_count", 10, u64(2n ** 63n)]],
      /"expert_count" must be 0 .*it is 9223372036854775808/,
    ],
    [
      "a list",
      [["llama.expert_count", 9, list(10, [u64(2n ** 63n)])]],
      /"expert_count" must be 0 .*it is a list/,
    ],
    ["a base of 0", [["llama.rope.freq_base", 6, f32(0)]], /"rope\.freq_base" must be a number above 0/],
    [
      "a factor that is text",
      [stringEntry("llama.rope.scale_linear", "4")],
      /"rope\.scale_linear" must be a number/,
    ],
    [
      "heads that can't be halved",
      [uint32Entry("llama.attention.key_length", 3)],
      /"attention\.key_length" must be even/,
    ],
    [
      "attention that looks ahead",
      [["llama.attention.causal", 7, Buffer.of(0)]],
      /"attention\.causal" must be true/,
    ],
    ["experts", [uint32Entry("llama.expert_count", 8)], /"expert_count" must be 0/],
  ])("refused: %s", async (_, entries, message) => {
    await expect(logitsOf(entries, [])).rejects.toMatchObject({
      code: "bad-config",
      message: expect.stringMatching(message),
    });
  });
});

test("no tensor is read at once: webgpu could not give its numbers", async () => {
  const refuse = () => {
    throw new Error("this backend has no synchronous read");
  };
  vi.spyOn(tf.engine(), "readSync").mockImplementation(refuse);
  expect((await logitsOf([], [1, 4])).every(Number.isFinite)).toBe(true);
});
