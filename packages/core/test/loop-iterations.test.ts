/** What the loop shows on its way, and that it frees what it makes without a tidy round it. */

import { withoutLeaks } from "@amulet-ts/testing/backends/no-leaks";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, test } from "vitest";
import { amuletCollapsed, amuletLoop, guidanceLimit, logPolicy, paperParameters } from "../src/index.js";

const policyOf = (...logits: number[]) => tf.tidy(() => logPolicy(tf.tensor2d([logits])));

describe.each(["wasm", "cpu"])("on %s", (backend) => {
  withoutLeaks(backend);

  test("iterates are numbered from 1, the preference policy, to T + 1, the result", async () => {
    const [base_BV, preference_BV] = [policyOf(0, 1, 2), policyOf(1, 0, 0)];
    const numbers: number[] = [];
    const alive = tf.memory().numTensors;
    const aliveThen: number[] = [];
    const result_BV = amuletLoop(base_BV, preference_BV, { ...paperParameters, iterations: 4 }, ({ t }) => {
      numbers.push(t);
      aliveThen.push(tf.memory().numTensors - alive);
    });
    expect(numbers).toEqual([1, 2, 3, 4, 5]);
    // The iterate and the mean of the utilities, whatever the number of steps.
    expect(aliveThen).toEqual([2, 2, 2, 2, 2]);
    expect(tf.memory().numTensors - alive).toBe(1);
    tf.dispose([base_BV, preference_BV, result_BV]);
  });

  test("the collapsed form leaves its result alone", () => {
    const row_BV = policyOf(0, 1, 2);
    const alive = tf.memory().numTensors;
    const result_BV = amuletCollapsed(row_BV, row_BV, paperParameters);
    expect(tf.memory().numTensors - alive).toBe(1);
    tf.dispose([row_BV, result_BV]);
  });
});

test("with neither utility nor pull the limit of x is where it starts", () => {
  expect(guidanceLimit({ alpha: 0, lambda: 0 })).toBe(1);
  expect(guidanceLimit({ alpha: 0, lambda: 2 })).toBe(1);
});

test("the limit of x is λ/(λ−α) below the critical point and Infinity on and above it", () => {
  expect(guidanceLimit({ alpha: 3, lambda: 4 })).toBe(4);
  expect(guidanceLimit({ alpha: 1, lambda: 5 })).toBe(1.25);
  expect(guidanceLimit({ alpha: 2, lambda: 2 })).toBe(Number.POSITIVE_INFINITY);
  expect(guidanceLimit({ alpha: 3, lambda: 2 })).toBe(Number.POSITIVE_INFINITY);
});
