/**
 * Many pairs answered under many settings at once. Settings agree on most beginnings: answers to the same pair that
 * are equal so far are one node of a tree, whose two prompts are read once for all of them. A node forks where its
 * settings choose different tokens.
 *
 * B: nodes that a setting is at. R = 2N: rows of the session, the base prompts of all N nodes, then their preference
 * prompts.
 */
import { setImmediate } from "node:timers/promises";
import {
  applyMethod,
  type ChatModel,
  CoreError,
  checkPrompt,
  createChooser,
  logPolicy,
  type Method,
  prefill,
  renderPrompts,
  type Session,
  type TokenRow,
} from "@amulet-ts/core";
import * as tf from "@tensorflow/tfjs-core";
import { methodOf, type Setting } from "../grid/settings.js";
import type { Pair } from "../scorers/scorer.js";
import { AnswerInTree } from "./answer-in-tree.js";
import type { AnsweringOptions, PairAnswer } from "./answer-pairs.js";

/** A beginning that one or more answers to a pair share; its number is its place among the rows. */
interface Node {
  /** The node it goes on from, and the token that it adds; of a pair's prompts, nothing. */
  readonly parent: number;
  readonly token: number;
}

interface NumberedNode extends Node {
  readonly number: number;
}

/** One setting, and its answers to all pairs. */
interface Branch {
  readonly method: Method;
  readonly answers: readonly AnswerInTree[];
}

/**
 * @param firstIndex number of the first pair in the whole list: with `temperature`, each pair draws from a stream of
 *   its own, whichever batch it is in
 * @returns the answers of each setting, in the order of the pairs
 * @throws CoreError `aborted` between two tokens, `context-overflow`, `not-finite`
 */
export async function answerInTree(
  model: ChatModel,
  pairs: readonly Pair[],
  settings: readonly Setting[],
  options: AnsweringOptions,
  firstIndex = 0,
): Promise<PairAnswer[][]> {
  const prompts = pairs.map((pair) => readPair(model, pair, options));
  const branches = settings.map((setting) => openBranch(model, prompts, setting, options, firstIndex));
  const rows = [...prompts.map(({ base }) => base), ...prompts.map(({ preference }) => preference)];
  using session = model.openSession(rows.length);
  let logits_RV = await prefill(session, rows);
  try {
    for (;;) {
      const nodes = await grow(branches, logits_RV);
      logits_RV.dispose();
      if (nodes.length === 0) break;
      await hearInterruption(options);
      logits_RV = readNodes(session, nodes);
    }
  } finally {
    logits_RV.dispose();
  }
  return branches.map(({ answers }) => answers.map((answer) => answer.finish()));
}

interface PairPrompts {
  readonly base: TokenRow;
  readonly preference: TokenRow;
  /** Most tokens of an answer that find room. */
  readonly longest: number;
}

function readPair(model: ChatModel, pair: Pair, { maxNewTokens }: AnsweringOptions): PairPrompts {
  const { base, preferences } = renderPrompts(model, pair);
  const preference = preferences[0]!.tokens;
  checkPrompt(model, base, "base");
  checkPrompt(model, preference, "preference");
  const room = model.contextLength - Math.max(base.length, preference.length);
  return { base, preference, longest: Math.min(maxNewTokens, room) };
}

function openBranch(
  model: ChatModel,
  prompts: readonly PairPrompts[],
  setting: Setting,
  { temperature, seed }: AnsweringOptions,
  firstIndex: number,
): Branch {
  const answers = prompts.map(({ longest }, i) => {
    const choose = temperature > 0 ? createChooser({ temperature, seed: seed + firstIndex + i }) : undefined;
    return new AnswerInTree(model, choose, longest, i);
  });
  return { method: methodOf(setting), answers };
}

/** Signals arrive only while nothing is computed. @throws CoreError `aborted` */
async function hearInterruption({ signal }: AnsweringOptions): Promise<void> {
  await setImmediate();
  if (signal?.aborted) {
    throw new CoreError("aborted", "The answers were interrupted.", { cause: signal.reason });
  }
}

/**
 * One token for every answer that goes on.
 *
 * @param logits_RV after every node, borrowed
 * @returns the nodes that are left
 */
async function grow(branches: readonly Branch[], logits_RV: tf.Tensor2D): Promise<Node[]> {
  const rows = tf.tidy(() => {
    const logs_RV = logPolicy(logits_RV);
    return tf.split(logs_RV, logs_RV.shape[0]) as tf.Tensor2D[];
  });
  try {
    const nodes = new Map<string, NumberedNode>();
    for (const { method, answers } of branches) {
      const growing = answers.filter(({ ended }) => !ended);
      if (growing.length > 0) await chooseTokens({ method, answers: growing }, rows);
      for (const answer of growing) takeNode(answer, nodes);
    }
    return [...nodes.values()];
  } finally {
    tf.dispose(rows);
  }
}

/** Lets each answer of a branch choose from its policy. @throws CoreError `not-finite` */
async function chooseTokens({ method, answers }: Branch, rows: readonly tf.Tensor2D[]): Promise<void> {
  const isGreedy = answers[0]!.choose === undefined;
  const [choice, drift_B] = tf.tidy(() => {
    const join = (first: number) => tf.concat(answers.map(({ node }) => rows[first + node]!)) as tf.Tensor2D;
    const [logBase_BV, logPreference_BV] = [join(0), join(rows.length / 2)];
    const { logPolicy_BV: policy_BV } = applyMethod(method, logBase_BV, logPreference_BV);
    // Greedily, the ids are all that the host must read.
    return [isGreedy ? tf.argMax(policy_BV, 1) : policy_BV, driftOf(policy_BV, logPreference_BV)] as const;
  });
  const [read, drifts] = await Promise.all([choice.data(), drift_B.data()]);
  tf.dispose([choice, drift_B]);
  if (!drifts.every(Number.isFinite)) throw notFinite(method);
  const V = read.length / answers.length;
  for (const [b, answer] of answers.entries()) {
    const row = read.subarray(b * V, (b + 1) * V) as Float32Array;
    answer.take(answer.choose ? answer.choose(row, answer.context) : row[0]!, drifts[b]!);
  }
}

/** The arg-max of a policy that holds NaN is some token; its drift is NaN. */
function notFinite({ name }: Method): CoreError {
  return new CoreError(
    "not-finite",
    `The policy of ${name} holds NaN: the model's weights may be damaged, or memory ran out.`,
  );
}

/** KL(π ‖ π_pref) of each row, in nats. */
function driftOf(logPolicy_BV: tf.Tensor2D, logPreference_BV: tf.Tensor2D): tf.Tensor1D {
  return tf.sum(tf.mul(tf.exp(logPolicy_BV), tf.sub(logPolicy_BV, logPreference_BV)), 1);
}

/** Moves an answer that goes on to the node of its new token, which others may share. */
function takeNode(answer: AnswerInTree, nodes: Map<string, NumberedNode>): void {
  if (answer.ended) return;
  const [parent, token] = [answer.node, answer.lastToken];
  const key = `${parent} ${token}`;
  const node = nodes.get(key) ?? { parent, token, number: nodes.size };
  nodes.set(key, node);
  answer.node = node.number;
}

/** The logits after every new node; a parent with several is forked, one with none is dropped. */
function readNodes(session: Session, nodes: readonly Node[]): tf.Tensor2D {
  const before = session.lengths.length / 2;
  const parents = nodes.map(({ parent }) => parent);
  const isSame = nodes.length === before && parents.every((parent, i) => parent === i);
  if (!isSame) session.select([...parents, ...parents.map((parent) => before + parent)]);
  const tokens = nodes.map(({ token }) => [token]);
  return session.append([...tokens, ...tokens]);
}
