import { startBackend } from "@amulet-ts/backends";
import { effectiveRoundoff } from "@amulet-ts/testing/backends/tolerance";
import { backendsUnderTest, casesOn, noteError } from "@amulet-ts/testing/backends/under-test";
import { algorithmLaws, holdLaw } from "@amulet-ts/verify";
import { coreSubject } from "@amulet-ts/verify/ours";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";

describe.each(backendsUnderTest)("core keeps every law of the algorithm on %s", (backend) => {
  beforeAll(async () => {
    await startBackend(backend);
  });

  it.for(algorithmLaws.map((law) => [law.name, law] as const))("%s", async ([, law]) => {
    const before = tf.memory().numTensors;
    const subject = { ...coreSubject, unitRoundoff: effectiveRoundoff(backend) };
    const { outcome, worst } = await holdLaw(law, subject, { runs: casesOn(100), seed: 20261 });
    // The strength alone is computed in float64 on the host: no backend is in it.
    if (worst && law.needs.some((operation) => operation !== "guidanceScale"))
      noteError(worst.error, worst.tolerance);
    expect(outcome).toBe("held");
    expect(tf.memory().numTensors).toBe(before);
  });
});
