/** The derivative that training follows, against differences of verify's float64 oracle, which shares no code with it. */
import { startBackend } from "@amulet-ts/backends";
import { xoshiro128 } from "@amulet-ts/core";
import { differentiate, makeBatch } from "@amulet-ts/lab";
import { defineModel } from "@amulet-ts/models";
import { oracles } from "@amulet-ts/verify";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import type { TokenExample } from "../src/train/batches.js";
import { initialWeights, llamaConfig } from "../src/train/model-shape.js";
import { registerGradients } from "../src/train/optimiser/gradients.js";
import { batchLoss } from "../src/train/trainer.js";
import { tinySettings } from "./tiny-run.js";

const config = llamaConfig(tinySettings.shape, { vocabularySize: 24, endToken: 1 });
const definition = defineModel(config);
const random = xoshiro128(5);
const ids = (count: number) => Array.from({ length: count }, () => Math.floor(random() * 24));
/** Rows of different lengths, so that some are filled up. */
const examples: TokenExample[] = [
  { prompt: ids(3), answer: ids(4) },
  { prompt: ids(5), answer: ids(6) },
  { prompt: ids(1), answer: ids(2) },
];

type Values = ReadonlyMap<string, { readonly shape: readonly number[]; readonly data: Float64Array }>;

/** Weights large enough for attention to matter, the same numbers for both sides. */
function drawWeights(): Values {
  const draw = xoshiro128(11);
  return new Map(
    [...definition.shapes].map(([name, shape]) => {
      const size = shape.reduce((product, axis) => product * axis, 1);
      const value = () => (shape.length === 1 ? 0.5 + draw() : (draw() - 0.5) * 2);
      return [name, { shape, data: Float64Array.from(Float32Array.from({ length: size }, value)) }];
    }),
  );
}

const values = drawWeights();

function tensors(): Map<string, tf.Tensor> {
  return new Map(
    [...values].map(([name, { shape, data }]) => [name, tf.tensor(Float32Array.from(data), [...shape])]),
  );
}

/** Mean cross-entropy of the answers by the oracle, row by row, nothing filled up. */
function oracleLoss(weights: Values): number {
  const losses = examples.flatMap(({ prompt, answer }) => {
    const row = [...prompt, ...answer.slice(0, -1)];
    const logits = oracles.llamaLogits(config as unknown as oracles.LlamaConfig, weights, row);
    return answer.map((token, i) => -logSoftmax(logits[prompt.length - 1 + i]!)[token]!);
  });
  return losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
}

function logSoftmax(row: Float64Array): Float64Array {
  const most = Math.max(...row);
  const total = row.reduce((sum, value) => sum + Math.exp(value - most), 0);
  return row.map((value) => value - most - Math.log(total));
}

/** Change of the oracle's loss along a direction within one tensor, by central differences: error of order h². */
function slope(name: string, direction: Float64Array): number {
  const h = 1e-5;
  const moved = (by: number) => {
    const { shape, data } = values.get(name)!;
    const shifted = data.map((value, i) => value + by * direction[i]!);
    return oracleLoss(new Map([...values, [name, { shape, data: shifted }]]));
  };
  return (moved(h) - moved(-h)) / (2 * h);
}

describe.each(["wasm", "cpu"])("on %s", (backend) => {
  beforeAll(async () => {
    await startBackend(backend);
    registerGradients();
  });

  it("the loss of a filled-up batch is that of its rows alone, by the oracle", () => {
    const weights = tensors();
    const loss = batchLoss(definition, weights, makeBatch(examples, 1));
    expect(loss.dataSync()[0]).toBeCloseTo(oracleLoss(values), 5);
    tf.dispose([loss, ...weights.values()]);
  });

  it("what a row is filled up with changes neither loss nor derivative", () => {
    const weights = tensors();
    const read = (filler: number) => {
      const { loss, gradients } = differentiate(definition, weights, makeBatch(examples, filler));
      const all = [loss, ...gradients.values()].map((tensor) => [...tensor.dataSync()]);
      tf.dispose([loss, ...gradients.values()]);
      return all;
    };
    expect(read(7)).toEqual(read(1));
    tf.dispose([...weights.values()]);
  });

  it("every tensor's derivative is the slope of the oracle's loss", () => {
    const before = tf.memory().numTensors;
    const weights = tensors();
    const { loss, gradients } = differentiate(definition, weights, makeBatch(examples, 1));
    const draw = xoshiro128(17);
    for (const [name, gradient] of gradients) {
      const direction = Float64Array.from({ length: gradient.size }, () => draw() - 0.5);
      const derivative = gradient.dataSync<"float32">();
      const own = derivative.reduce((sum, value, i) => sum + value * direction[i]!, 0);
      // Float32 carries 7 digits; a backward pass through two blocks leaves about 5 of the gradient's length.
      const scale = Math.hypot(...derivative) * Math.hypot(...direction);
      expect(Math.abs(own - slope(name, direction)), name).toBeLessThan(2e-5 * scale);
    }
    tf.dispose([loss, ...gradients.values(), ...weights.values()]);
    expect(tf.memory().numTensors).toBe(before);
  });

  it("a definition has the tensors of the oracle's checkpoint, and its first weights are the seed's", () => {
    const [first, second, other] = [
      initialWeights(definition, 1),
      initialWeights(definition, 1),
      initialWeights(definition, 2),
    ];
    const read = (weights: Map<string, tf.Tensor>) =>
      [...weights].map(([name, x]) => [name, [...x.dataSync()]]);
    expect(read(first)).toEqual(read(second));
    expect(read(first)).not.toEqual(read(other));
    expect([...first.keys()]).toEqual([...values.keys()]);
    for (const weights of [first, second, other]) tf.dispose([...weights.values()]);
  });
});

describe("a gather that no forward pass makes", () => {
  it("along another axis has no derivative, and says so", () => {
    registerGradients();
    const before = tf.memory().numTensors;
    const differentiateAlong = (axis: number) =>
      tf.tidy(() => {
        const gathered = (x: tf.Tensor) => tf.sum(tf.gather(x, tf.tensor1d([1, 0, 1], "int32"), axis));
        return tf
          .grad(gathered)(tf.ones([2, 2]))
          .arraySync();
      });
    expect(differentiateAlong(0)).toEqual([
      [1, 1],
      [2, 2],
    ]);
    expect(tf.memory().numTensors).toBe(before);
    // The tape of a derivative that fails is never cleared, so this stays the last that the file differentiates.
    expect(() => differentiateAlong(1)).toThrow(/along axis 0, by a list of places; it came along axis 1/);
  });
});
