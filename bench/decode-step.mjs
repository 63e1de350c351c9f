/**
 * One Amulet token, both rows, beside the matrix products that any implementation on this backend must do, and
 * beside Amulet's own arithmetic. All in one process, in turns, so that the ratios hold where times drift.
 */
import { existsSync } from "node:fs";
import {
  amuletExactMethod,
  amuletMethod,
  boundedMethod,
  chooseGreedily,
  logPolicy,
  preferenceMethod,
} from "@amulet-ts/core";
import * as tf from "@tensorflow/tfjs-core";
import { median, printTable, startModel, time } from "./measure.mjs";

export const title = "decode step";
/** Tokens of context in the middle of the measurement. */
const contextTokens = 64;
const rounds = 60;
const warmUps = 5;

export async function run({ modelPath, backend }) {
  if (!existsSync(modelPath))
    return console.log(`Skipped: there is no model at ${modelPath} (give one with --model).`);
  const { model, config } = await startModel(modelPath, backend);
  const products = matrixProducts(config);
  const session = model.openTensorSession(2);
  const prompt = Array.from(
    { length: contextTokens - warmUps - rounds / 2 },
    (_, i) => (i * 37) % model.vocabularySize,
  );
  let logits_BV = session.append([prompt, [...prompt.slice(1), 5]]);
  const [collapsed, bounded, exact] = [amuletMethod(), boundedMethod(0.2), amuletExactMethod()];
  const policyOf = (method) => choosePolicy(method, logits_BV, model);
  let token = await policyOf(collapsed);
  const step = async () => {
    logits_BV.dispose();
    logits_BV = session.append([[token], [token]]);
    token = await policyOf(collapsed);
  };
  const times = { linear: [], all: [], step: [], choice: [], collapsed: [], bounded: [], exact: [] };
  for (let round = -warmUps; round < rounds; round++) {
    const measured = {
      linear: await time(products.linear),
      all: await time(products.all),
      step: await time(step),
      choice: await time(() => policyOf(preferenceMethod())),
      collapsed: await timeMethod(collapsed, logits_BV),
      bounded: await timeMethod(bounded, logits_BV),
      exact: await timeMethod(exact, logits_BV),
    };
    if (round >= 0) for (const [name, value] of Object.entries(measured)) times[name].push(value);
  }
  const row = (label, name, reference) => [
    label,
    median(times[name]),
    median(ratios(times[name], times[reference])),
  ];
  printTable(
    ["", "ms", "ratio"],
    [
      row("matrix products alone, 2 rows", "all", "all"),
      row("  of them the linear layers", "linear", "all"),
      row(`one Amulet token at ${contextTokens} tokens of context`, "step", "all"),
      row("  beside the linear layers alone", "step", "linear"),
    ],
  );
  printTable(
    ["", "ms", "share of a token"],
    [
      row("normalising, reading and choosing, which any method needs", "choice", "step"),
      row("Amulet's own arithmetic: collapsed", "collapsed", "step"),
      row("  bounded, 0.2 nats", "bounded", "step"),
      row("  the loop, T = 60", "exact", "step"),
    ],
  );
  products.dispose();
  logits_BV.dispose();
  session.dispose();
  model.dispose();
}

/** Round by round, since a machine's speed drifts: both were measured within the same tenth of a second. */
function ratios(values, references) {
  return values.map((value, round) => value / references[round]);
}

/** What `decode` does with the logits of one request: normalise, apply the method, read, choose. */
async function choosePolicy(method, logits_BV, model) {
  const policy_BV = tf.tidy(() => {
    const logs_BV = logPolicy(logits_BV);
    const [base_BV, preference_BV] = [[[1, 0]], [[0, 1]]].map((row) => tf.matMul(tf.tensor2d(row), logs_BV));
    const policy = method.policy(base_BV, preference_BV);
    return policy.logPolicy_BV ?? policy;
  });
  const values = await policy_BV.data();
  policy_BV.dispose();
  return chooseGreedily(values, { generated: [], endTokens: model.endTokens });
}

/**
 * The products of one token, on tensors of their own: every block's linear layers and the output head; and with
 * attention, scores and mixtures of each row and key/value head over the context.
 */
function matrixProducts({
  width: D,
  heads: H,
  groups: G,
  headWidth: K,
  feedForward: F,
  blockCount,
  vocabularySize: V,
}) {
  const [E, M, R, S] = [H * K, G * K, H / G, contextTokens];
  const linear = [
    [D, E + M],
    [D, M],
    [E, D],
    [D, F],
    [D, F],
    [F, D],
  ];
  const attention = Array.from({ length: 2 * G }, () => [
    [K, S],
    [S, K],
  ]).flat();
  const inputs = new Map();
  const make = ([inner, outer], rows) => {
    const key = `${rows} ${inner}`;
    if (!inputs.has(key)) inputs.set(key, tf.randomUniform([rows, inner], -1, 1));
    return { x: inputs.get(key), w: tf.randomUniform([inner, outer], -0.05, 0.05) };
  };
  const blocks = Array.from({ length: blockCount }, () => ({
    linear: linear.map((shape) => make(shape, 2)),
    attention: attention.map((shape) => make(shape, R)),
  }));
  const head = make([D, V], 2);
  const multiply = async (products) => {
    const last = tf.tidy(() => products.map(({ x, w }) => tf.matMul(x, w)).at(-1));
    await last.data();
    last.dispose();
  };
  const linearOnly = [...blocks.flatMap((block) => block.linear), head];
  const all = [...blocks.flatMap((block) => [...block.linear, ...block.attention]), head];
  return {
    linear: () => multiply(linearOnly),
    all: () => multiply(all),
    dispose: () => tf.dispose([...all.map(({ w }) => w), ...inputs.values()]),
  };
}

/** The method alone: from two log-policies to one, until one number of it can be read. */
async function timeMethod(method, logits_BV) {
  const [base_BV, preference_BV] = tf.tidy(() => tf.split(logPolicy(logits_BV), 2));
  const start = performance.now();
  const policy = method.policy(base_BV, preference_BV);
  const policy_BV = policy.logPolicy_BV ?? policy;
  const first = tf.tidy(() => tf.slice(policy_BV, [0, 0], [1, 1]));
  await first.data();
  const elapsed = performance.now() - start;
  tf.dispose([base_BV, preference_BV, policy_BV, first, ...(policy.gamma_B1 ? [policy.gamma_B1] : [])]);
  return elapsed;
}
