/** The families' forward passes, differentiated as the trainer does, against differences of the float64 oracles. */
import { startBackend } from "@amulet-ts/backends";
import { differentiate, makeBatch, registerGradients } from "@amulet-ts/lab";
import { defineModel } from "@amulet-ts/models";
import { arbitraries, type ForwardSubject, forwardLawsFor, holdLaw } from "@amulet-ts/verify";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";

type Differentiate = NonNullable<ForwardSubject["lossAndGradient"]>;

/** A row's first token as the prompt and the others as the answer: the trainer's loss is then the law's. */
const lossAndGradient: Differentiate = async (model, tokens) => {
  const weights = new Map(
    [...model.tensors].map(([name, { shape, data }]) => [
      name,
      tf.tensor(Float32Array.from(data), [...shape]),
    ]),
  );
  const batch = makeBatch([{ prompt: tokens.slice(0, 1), answer: tokens.slice(1) }], 0);
  const { loss, gradients } = differentiate(defineModel({ ...model.config }), weights, batch);
  const value = (await loss.data())[0]!;
  const rows = await Promise.all([...gradients.values()].map((tensor) => tensor.data()));
  tf.dispose([loss, ...gradients.values(), ...weights.values()]);
  return { loss: value, gradient: new Map([...gradients.keys()].map((name, i) => [name, rows[i]!])) };
};

const subject: ForwardSubject = {
  name: "models under lab's derivatives",
  unitRoundoff: 2 ** -24,
  lossAndGradient,
  countTensors: () => tf.memory().numTensors,
};

describe.each(["wasm", "cpu"])("on %s", (backend) => {
  beforeAll(async () => {
    await startBackend(backend);
    registerGradients();
  });

  describe.each(Object.entries(arbitraries.tinyFamilies))("%s", (_, models) => {
    const laws = forwardLawsFor(models).filter(({ name }) => /gradient-by|no-tensor/.test(name));
    it.each(laws.map((law) => [law.name, law] as const))("%s", async (_, law) => {
      const { outcome } = await holdLaw(law, subject, { runs: 15, seed: 20265 });
      expect(outcome).toBe("held");
    });
  });
});
