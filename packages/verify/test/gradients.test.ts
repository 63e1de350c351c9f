/** The families' forward passes, differentiated as the trainer does, against differences of the float64 oracles. */
import { startBackend } from "@amulet-ts/backends";
import { arbitraries, type ForwardSubject, forwardLawsFor, holdLaw } from "@amulet-ts/verify";
import { modelsSubject } from "@amulet-ts/verify/ours";
import { beforeAll, describe, expect, it } from "vitest";

const { lossAndGradient, countTensors, unitRoundoff } = modelsSubject;
const subject: ForwardSubject = {
  name: "models under lab's derivatives",
  unitRoundoff,
  lossAndGradient,
  countTensors,
};

describe.each(["wasm", "cpu"])("on %s", (backend) => {
  beforeAll(async () => {
    await startBackend(backend);
  });

  describe.each(Object.entries(arbitraries.tinyFamilies))("%s", (_, models) => {
    const laws = forwardLawsFor(models).filter(({ name }) => /gradient-by|no-tensor/.test(name));
    it.each(laws.map((law) => [law.name, law] as const))("%s", async (_, law) => {
      const { outcome } = await holdLaw(law, subject, { runs: 15, seed: 20265 });
      expect(outcome).toBe("held");
    });
  });
});
