/** Loss, optimiser and schedule against the same in float64, written out number by number. */
import { startBackend } from "@amulet-ts/backends";
import { xoshiro128 } from "@amulet-ts/core";
import * as tf from "@tensorflow/tfjs-core";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { disposeTrained, startTraining, updateWeights } from "../src/train/optimiser/adamw.js";
import { registerGradients } from "../src/train/optimiser/gradients.js";
import { crossEntropy } from "../src/train/optimiser/loss.js";
import { learningRate } from "../src/train/optimiser/schedule.js";

const adamw = { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1, clipNorm: 1 };

describe.each(["wasm", "cpu"])("on %s", (backend) => {
  let before = 0;
  beforeAll(async () => {
    await startBackend(backend);
    registerGradients();
  });
  beforeEach(() => {
    before = tf.memory().numTensors;
  });
  afterEach(() => expect(tf.memory().numTensors).toBe(before));

  it("cross-entropy and its derivative are −log π of the target and (π − target)/N", () => {
    const rows = [
      [1, -2, 0.5],
      [30, 0, -30],
    ];
    const targets = [2, 0];
    const policies = rows.map((row) => {
      const total = row.reduce((sum, logit) => sum + Math.exp(logit), 0);
      return row.map((logit) => Math.exp(logit) / total);
    });
    const [value, gradient] = tf.tidy(() => {
      const target_N = tf.tensor1d(targets, "int32");
      const { value, grad } = tf.valueAndGrad((x) => crossEntropy(x as tf.Tensor2D, target_N))(
        tf.tensor2d(rows),
      );
      return [value.dataSync()[0]!, grad.arraySync() as number[][]] as const;
    });
    const expected = policies.reduce((sum, policy, n) => sum - Math.log(policy[targets[n]!]!) / 2, 0);
    expect(value).toBeCloseTo(expected, 6);
    for (const [n, policy] of policies.entries())
      for (const [v, share] of policy.entries())
        expect(gradient[n]![v]!).toBeCloseTo((share - (v === targets[n] ? 1 : 0)) / 2, 6);
  });

  it("five steps of AdamW are those of its definition: clipped, corrected, decay on matrices alone", () => {
    const random = xoshiro128(1);
    const draw = (length: number) => Array.from({ length }, () => Math.fround(3 * random() - 1.5));
    const start = { matrix: draw(4), vector: draw(3) };
    const gradients = Array.from({ length: 5 }, () => ({ matrix: draw(4), vector: draw(3) }));
    const expected = adamWByDefinition(start, gradients);
    let trained = startTraining(
      new Map<string, tf.Tensor>([
        ["matrix", tf.tensor2d(start.matrix, [2, 2])],
        ["vector", tf.tensor1d(start.vector)],
      ]),
    );
    for (const [i, { matrix, vector }] of gradients.entries()) {
      const given = new Map<string, tf.Tensor>([
        ["matrix", tf.tensor2d(matrix, [2, 2])],
        ["vector", tf.tensor1d(vector)],
      ]);
      const scope = () => updateWeights(trained, given, { learningRate: 0.01, step: i + 1 }, adamw);
      const next = tf.tidy(scope as unknown as () => tf.TensorContainer) as unknown as ReturnType<
        typeof scope
      >;
      expect(next.norm.dataSync()[0]).toBeCloseTo(Math.hypot(...matrix, ...vector), 5);
      tf.dispose([next.norm, ...given.values()]);
      disposeTrained(trained);
      trained = next.trained;
    }
    for (const name of ["matrix", "vector"] as const) {
      const values = [...trained[name]!.weight.dataSync()];
      for (const [i, value] of values.entries()) expect(value).toBeCloseTo(expected[name][i]!, 6);
    }
    disposeTrained(trained);
  });
});

type Pair = Record<"matrix" | "vector", number[]>;

function adamWByDefinition(start: Pair, gradients: readonly Pair[]): Pair {
  const weights = { matrix: [...start.matrix], vector: [...start.vector] };
  const zeros = () => ({ matrix: start.matrix.map(() => 0), vector: start.vector.map(() => 0) });
  const [first, second] = [zeros(), zeros()];
  for (const [i, gradient] of gradients.entries()) {
    const norm = Math.hypot(...gradient.matrix, ...gradient.vector);
    for (const name of ["matrix", "vector"] as const) {
      for (const [j, raw] of gradient[name].entries()) {
        const g = norm > 1 ? raw / norm : raw;
        first[name][j] = 0.9 * first[name][j]! + 0.1 * g;
        second[name][j] = 0.95 * second[name][j]! + 0.05 * g * g;
        const mean = first[name][j]! / (1 - 0.9 ** (i + 1));
        const square = second[name][j]! / (1 - 0.95 ** (i + 1));
        const decay = name === "matrix" ? 0.1 * weights[name][j]! : 0;
        weights[name][j]! -= 0.01 * (mean / (Math.sqrt(square) + 1e-8) + decay);
      }
    }
  }
  return weights;
}

describe("the learning rate", () => {
  const schedule = { steps: 100, warmUp: 10, peak: 2, floor: 0.1 };
  const rates = Array.from({ length: 100 }, (_, step) => learningRate(schedule, step));

  it("rises by equal amounts to its peak, then falls to its floor at the last step", () => {
    for (let step = 0; step < 10; step++) expect(rates[step]).toBeCloseTo((2 * (step + 1)) / 10, 12);
    expect(Math.max(...rates)).toBe(2);
    for (let step = 11; step < 100; step++) expect(rates[step]).toBeLessThan(rates[step - 1]!);
    expect(rates[99]).toBeCloseTo(0.2, 12);
  });

  it("falls along half a cosine: half way it is the mean of peak and floor", () => {
    expect(learningRate({ ...schedule, steps: 101, warmUp: 0 }, 50)).toBeCloseTo(1.1, 12);
  });

  it("is defined for one step", () => {
    expect(learningRate({ steps: 1, warmUp: 0, peak: 2, floor: 0.1 }, 0)).toBe(2);
  });
});
