/** One position of an answer under the loupe: its candidates from iteration to iteration. */

import type { Tensor1D, Tensor2D } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import { chooseGreedily } from "../decode/choose.js";
import { decode } from "../decode/decode.js";
import type { Prompts } from "../decode/prompts.js";
import { argMax } from "../decode/ranking.js";
import { CoreError } from "../errors.js";
import { amuletMethod, type Method } from "../methods/method.js";
import { amuletLoop } from "../methods/policy.js";
import { checkGiven, describeValue, record } from "../port/given.js";
import type { PrefillOptions } from "../port/reading.js";
import type { LanguageModel } from "../port/session.js";
import { takeValues } from "../port/take-values.js";
import {
  type AmuletParameters,
  guidanceScale,
  guidanceTrajectory,
  paperParameters,
} from "../strength/strength.js";
import { type Explanation, explainToken, readExplainOptions, type TokenView } from "./explain.js";

/** π after t iterations: 0 is the preference policy. */
export interface InspectedIteration {
  readonly t: number;
  readonly guidanceScale: number;
  /** One for each candidate, in their order. */
  readonly probabilities: readonly number[];
  /** KL(π_t ‖ π_base) and KL(π_t ‖ π_pref), in nats. */
  readonly klFromBase: number;
  readonly klFromPreference: number;
}

export interface Inspection {
  /** The answer before this position. */
  readonly before: readonly number[];
  /** The token that Amulet takes here. */
  readonly token: Explanation;
  /** The taken token, what base and preference prompt would say, and the next best; each once. */
  readonly candidates: readonly TokenView[];
  /** From 0 to T. */
  readonly trajectory: readonly InspectedIteration[];
}

export interface InspectRequest extends PrefillOptions {
  readonly prompts: Prompts;
  /** Default: the paper's. */
  readonly parameters?: AmuletParameters;
  /** Number of the token in Amulet's greedy answer; the first, the default, is 0. */
  readonly position?: number;
  /** Candidates beside the one that is taken, 4 by default. */
  readonly alternatives?: number;
}

/**
 * Answers greedily up to a position, then runs the loop there and looks at every iterate.
 *
 * @throws CoreError `bad-request` where the answer ends before the position, `not-covered` where an engine gives only the
 *   most probable tokens, and what `decode` throws
 */
export async function inspectPosition(model: LanguageModel, request: InspectRequest): Promise<Inspection> {
  checkGiven(request, record, "The request");
  checkGiven(request.prompts, record, "prompts of the request");
  const { prompts, parameters = paperParameters, position = 0, alternatives = 4, ...options } = request;
  checkPosition(position);
  readExplainOptions({ alternatives });
  const kept: Tensor2D[] = [];
  try {
    const before = await answerUpTo(model, { prompts, parameters, position, options, kept });
    const [logBase_BV, logPreference_BV] = kept as [Tensor2D, Tensor2D];
    return { before, ...(await runLoop(logBase_BV, logPreference_BV, parameters, alternatives)) };
  } finally {
    tf.dispose(kept);
  }
}

function checkPosition(position: number): void {
  if (Number.isSafeInteger(position) && position >= 0) return;
  throw new CoreError(
    "bad-request",
    `position must be a whole number of at least 0, the first token's; it is ${describeValue(position)}.`,
  );
}

interface Approach {
  readonly prompts: Prompts;
  readonly parameters: AmuletParameters;
  readonly position: number;
  readonly options: PrefillOptions;
  /** Where both policies at the position go, `[1, V]` each. */
  readonly kept: Tensor2D[];
}

/** @returns the tokens before the position */
async function answerUpTo(
  model: LanguageModel,
  { prompts, parameters, position, options, kept }: Approach,
): Promise<number[]> {
  const said: number[] = [];
  const amulet = amuletMethod(parameters);
  const watched: Method = {
    ...amulet,
    policy: (logBase_BV, logPreference_BV) => {
      const isThere = said.length === position;
      if (isThere) kept.push(tf.keep(tf.clone(logBase_BV)), tf.keep(tf.clone(logPreference_BV)));
      return amulet.policy(logBase_BV, logPreference_BV);
    },
  };
  const request = { ...prompts, method: watched, choose: chooseGreedily, maxNewTokens: position + 1 };
  for await (const event of decode(model, [request], options)) {
    if (event.type === "token") said.push(event.id);
  }
  if (kept.length > 0) return said.slice(0, position);
  throw new CoreError(
    "bad-request",
    `The answer ends before token ${position}: its last position is ${said.length}, so ask for one up to that.`,
  );
}

async function runLoop(
  logBase_BV: Tensor2D,
  logPreference_BV: Tensor2D,
  parameters: AmuletParameters,
  alternatives: number,
): Promise<Omit<Inspection, "before">> {
  const logPolicy_BV = amuletLoop(logBase_BV, logPreference_BV, parameters);
  const [logBase_C, logPreference_C, logPolicy_C] = await takeValues(
    tf.clone(logBase_BV),
    tf.clone(logPreference_BV),
    logPolicy_BV,
  );
  const policies = { logBase_C, logPreference_C, logPolicy_C };
  const gamma = guidanceScale(parameters) - 1;
  const token = explainToken(argMax(logPolicy_C), policies, { alternatives }, gamma);
  const candidates = uniqueById([token, token.baseChoice, token.preferenceChoice, ...token.alternatives]);
  const ids = candidates.map(({ id }) => id);
  const trajectory = await watchLoop(logBase_BV, logPreference_BV, parameters, ids);
  return { token, candidates: candidates.map(viewOnly), trajectory };
}

function uniqueById(views: readonly TokenView[]): TokenView[] {
  return views.filter(({ id }, i) => views.findIndex((view) => view.id === id) === i);
}

function viewOnly(view: TokenView): TokenView {
  const { id, baseProbability, preferenceProbability, probability, delta, baseRank, preferenceRank, rank } =
    view;
  return { id, baseProbability, preferenceProbability, probability, delta, baseRank, preferenceRank, rank };
}

/** The loop once more, with a few numbers of every iterate read back: the candidates and two divergences. */
async function watchLoop(
  logBase_BV: Tensor2D,
  logPreference_BV: Tensor2D,
  parameters: AmuletParameters,
  ids: readonly number[],
): Promise<InspectedIteration[]> {
  const summaries: Tensor1D[] = [];
  try {
    amuletLoop(logBase_BV, logPreference_BV, parameters, ({ logPolicy_BV }) => {
      summaries.push(summarise(logPolicy_BV, logBase_BV, logPreference_BV, ids));
    }).dispose();
  } catch (error) {
    tf.dispose(summaries);
    throw error;
  }
  const rows = await takeValues(...summaries);
  const scales = guidanceTrajectory(parameters);
  return rows.map(([klFromBase, klFromPreference, ...probabilities], t) => ({
    t,
    guidanceScale: scales[t]!,
    probabilities,
    klFromBase: Math.max(0, klFromBase!),
    klFromPreference: Math.max(0, klFromPreference!),
  }));
}

/** Both divergences, then the candidates' probabilities. */
function summarise(policy_BV: Tensor2D, base_BV: Tensor2D, preference_BV: Tensor2D, ids: readonly number[]) {
  return tf.tidy(() => {
    const probability_BV = tf.exp(policy_BV);
    const divergence = (other_BV: Tensor2D) =>
      tf.reshape(tf.sum(tf.mul(probability_BV, tf.sub(policy_BV, other_BV))), [1]);
    const chosen = tf.reshape(tf.gather(probability_BV, tf.tensor1d([...ids], "int32"), 1), [ids.length]);
    return tf.concat([divergence(base_BV), divergence(preference_BV), chosen]) as Tensor1D;
  });
}
