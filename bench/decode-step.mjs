/**
 * One Amulet token, both rows, beside the matrix products that any implementation on this backend must do, and
 * beside Amulet's own arithmetic. All in one process, in turns, so that the ratios hold where times drift.
 */
import { existsSync } from "node:fs";
import { amuletExactMethod, amuletMethod, chooseGreedily, logPolicy } from "@amulet-ts/core";
import * as tf from "@tensorflow/tfjs-core";
import { median, printTable, startModel } from "./measure.mjs";

export const title = "decode step";
/** Tokens of context in the middle of the measurement. */
const contextTokens = 64;
const rounds = 40;
const warmUps = 5;

export async function run({ modelPath, backend }) {
  if (!existsSync(modelPath))
    return console.log(`Skipped: there is no model at ${modelPath} (give one with --model).`);
  const { model, config } = await startModel(modelPath, backend);
  const products = matrixProducts(config);
  const session = model.openSession(2);
  const prompt = Array.from(
    { length: contextTokens - warmUps - rounds / 2 },
    (_, i) => (i * 37) % model.vocabularySize,
  );
  let logits_BV = session.append([prompt, [...prompt.slice(1), 5]]);
  const [collapsed, exact] = [amuletMethod(), amuletExactMethod()];
  const policyOf = (method) => choosePolicy(method, logits_BV, model);
  let token = await policyOf(collapsed);
  const step = async () => {
    logits_BV.dispose();
    logits_BV = session.append([[token], [token]]);
    token = await policyOf(collapsed);
  };
  const times = { products: [], step: [], collapsed: [], exact: [] };
  for (let round = -warmUps; round < rounds; round++) {
    const measured = {
      products: await time(products.run),
      step: await time(step),
      collapsed: await time(() => policyOf(collapsed)),
      exact: await time(() => policyOf(exact)),
    };
    if (round >= 0) for (const [name, value] of Object.entries(measured)) times[name].push(value);
  }
  const mid = Object.fromEntries(Object.entries(times).map(([name, values]) => [name, median(values)]));
  printTable(
    ["", "ms (median)", "ratio"],
    [
      [`matrix products alone, 2 rows`, mid.products, 1],
      [`one Amulet token at ${contextTokens} tokens of context`, mid.step, mid.step / mid.products],
      ["Amulet's own arithmetic, collapsed (share of a token)", mid.collapsed, mid.collapsed / mid.step],
      ["Amulet's own arithmetic, T = 60 loop (share of a token)", mid.exact, mid.exact / mid.step],
    ],
  );
  products.dispose();
  logits_BV.dispose();
  session.dispose();
  model.dispose();
}

/** What `decode` does with the logits of one request: normalise, apply the method, read, choose. */
async function choosePolicy(method, logits_BV, model) {
  const policy_BV = tf.tidy(() => {
    const logs_BV = logPolicy(logits_BV);
    return method.policy(tf.slice(logs_BV, [0, 0], [1, -1]), tf.slice(logs_BV, [1, 0], [1, -1]));
  });
  const values = await policy_BV.data();
  policy_BV.dispose();
  return chooseGreedily(values, { generated: [], endTokens: model.endTokens });
}

/** The linear layers of every block and the output head, on matrices of their own. */
function matrixProducts({
  width: D,
  heads: H,
  groups: G,
  headWidth: K,
  feedForward: F,
  blockCount,
  vocabularySize: V,
}) {
  const [E, M] = [H * K, G * K];
  const shapes = [
    [D, E + M],
    [D, M],
    [E, D],
    [D, F],
    [D, F],
    [F, D],
  ];
  const layers = Array.from({ length: blockCount }, () => shapes)
    .flat()
    .concat([[D, V]]);
  const matrices = layers.map((shape) => tf.randomUniform(shape, -0.05, 0.05));
  const inputs = new Map([D, E, F].map((size) => [size, tf.randomUniform([2, size], -1, 1)]));
  return {
    run: async () => {
      const last = tf.tidy(() =>
        matrices.map((matrix) => tf.matMul(inputs.get(matrix.shape[0]), matrix)).at(-1),
      );
      await last.data();
      last.dispose();
    },
    dispose: () => tf.dispose([...matrices, ...inputs.values()]),
  };
}

async function time(work) {
  const start = performance.now();
  await work();
  return performance.now() - start;
}
