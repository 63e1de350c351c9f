/** The model families on plain tiny models, as the laws judge them, on the backend that runs. */
import { differentiate, makeBatch, registerGradients } from "@amulet-ts/lab";
import { defineModel, openTensorSession } from "@amulet-ts/models";
import * as tf from "@tensorflow/tfjs-core";
import type { TinyModel } from "../arbitraries/models.js";
import type { ForwardOperations, ForwardSubject } from "../subject.js";

type Session = ReturnType<typeof openTensorSession>;
type Tensors = Map<string, tf.Tensor>;

/** Forward passes, caches, batches and gradients of every family that has an oracle. */
export const modelsSubject: ForwardSubject & ForwardOperations = {
  name: "models",
  unitRoundoff: 2 ** -24,
  logits: (model, tokens) => inSession(model, 1, (session) => session.appendAll([tokens])[0]!),
  logitsInSteps: (model, tokens, prefilled) =>
    inSession(model, 1, (session) => {
      const first = session.appendAll([tokens.slice(0, prefilled)])[0]!;
      return tf.concat([first, ...tokens.slice(prefilled).map((token) => session.append([[token]]))]);
    }),
  lastLogitsOfRows: (model, tokenRows) =>
    inSession(model, tokenRows.length, (session) => session.append(tokenRows)),
  lossAndGradient,
  countTensors: () => tf.memory().numTensors,
};

/** Runs a session of a model and reads the logits that come out, `[rows, V]`. */
async function inSession(
  model: TinyModel,
  rowCount: number,
  run: (session: Session) => tf.Tensor2D,
): Promise<Float32Array[]> {
  const logits_NV = tf.tidy(() => {
    const { config, bind } = defineModel({ ...model.config });
    return run(openTensorSession(bind(toTensors(model)), config, rowCount));
  });
  const [rows, width] = logits_NV.shape;
  const values = Float32Array.from(await logits_NV.data());
  logits_NV.dispose();
  return Array.from({ length: rows }, (_, row) => values.slice(row * width, (row + 1) * width));
}

/** A row's first token as the prompt and the others as the answer: the trainer's loss is then the law's. */
async function lossAndGradient(model: TinyModel, tokens: readonly number[]) {
  registerGradients();
  const weights = toTensors(model);
  const batch = makeBatch([{ prompt: tokens.slice(0, 1), answer: tokens.slice(1) }], 0);
  const { loss, gradients } = differentiate(defineModel({ ...model.config }), weights, batch);
  const [value] = await loss.data();
  const rows = await Promise.all([...gradients.values()].map((tensor) => tensor.data()));
  tf.dispose([loss, ...gradients.values(), ...weights.values()]);
  return { loss: value!, gradient: new Map([...gradients.keys()].map((name, i) => [name, rows[i]!])) };
}

function toTensors({ tensors }: TinyModel): Tensors {
  const entries = [...tensors].map(([name, { shape, data }]): [string, tf.Tensor] => [
    name,
    tf.tensor(Float32Array.from(data), [...shape]),
  ]);
  return new Map(entries);
}
