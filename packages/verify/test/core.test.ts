import "@tensorflow/tfjs-backend-cpu";
import "@tensorflow/tfjs-backend-wasm";
import { coreSubject } from "@amulet-ts/cli";
import { algorithmLaws, holdLaw } from "@amulet-ts/verify";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";

describe.each(["cpu", "wasm"])("core keeps every law of the algorithm on %s", (backend) => {
  beforeAll(async () => {
    expect(await tf.setBackend(backend)).toBe(true);
    await tf.ready();
  });

  it.for(algorithmLaws.map((law) => [law.name, law] as const))("%s", async ([, law]) => {
    const before = tf.memory().numTensors;
    const { outcome } = await holdLaw(law, coreSubject, { runs: 100, seed: 20261 });
    expect(outcome).toBe("held");
    expect(tf.memory().numTensors).toBe(before);
  });
});
