/**
 * Bounded Amulet: as much of the preference as a budget of drift allows, for every row anew
 * (docs/algorithm.md, "Strength is monotone").
 */

import type { Tensor2D } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import { CoreError } from "../errors.js";
import { checkFields, checkGiven, count, number } from "../port/given.js";
import { checkPolicies } from "../port/given-policies.js";
import {
  type AmuletParameters,
  decodableScale,
  largestStrength,
  paperParameters,
} from "../strength/strength.js";
import { backendPolicies, type DriftSearch, type PolicyWithGamma } from "./backend-policies.js";
import type { Method } from "./method.js";
import { extrapolateRows, logZero } from "./policy.js";

/** A budget in nats, and the γ that is not exceeded however much budget is left. */
export interface DriftBudget {
  /** Most KL(π_γ ‖ π_pref); 0 is the preference policy itself. */
  readonly nats: number;
  /** γ_max ≥ 0. */
  readonly largestGamma: number;
}

/**
 * Looks at the vocabulary, the one at γ = 0 included. Rows of a language model are within 1e-4 of their budget after
 * 3 to 5; 6 leave less than 1 % of it unused for 98 of 100 unrelated rows with logits up to 30 apart, and any share
 * for the rest.
 */
const passes = 6;

/** The search aims this share below the limit, so that it arrives from the safe side. */
const aim = 1 - 5e-5;

/**
 * Nats a token may drift where nobody says how many: whole sentences from models small and large (docs/study.md, "Which
 * default").
 */
export const defaultDriftBudget = 0.2;

/**
 * Amulet with a budget: per token the largest γ up to the configured one with KL(π_γ ‖ π_pref) ≤ `nats`. As it is, what
 * answers where no method is named.
 *
 * @param strength the paper's parameters, or γ_max itself
 * @throws CoreError `bad-strength` for a negative or non-finite γ_max or budget
 */
export function boundedMethod(
  nats: number = defaultDriftBudget,
  strength: AmuletParameters | number = paperParameters,
): Method {
  const largestGamma = typeof strength === "number" ? strength : decodableScale(strength) - 1;
  const budget = checkBudget({ nats, largestGamma });
  return {
    name: "bounded",
    reads: "both",
    needs: "given",
    policy: (logBase_BV, logPreference_BV) => extrapolateWithin(logBase_BV, logPreference_BV, budget),
  };
}

/**
 * The policy of {@link largestGammaWithin}, `[B, V]`, and the γ of each row, `[B, 1]`.
 * Arguments are borrowed, results belong to the caller.
 */
export function extrapolateWithin(
  logBase_BV: Tensor2D,
  logPreference_BV: Tensor2D,
  budget: DriftBudget,
): PolicyWithGamma {
  const search = planSearch(logBase_BV, logPreference_BV, budget);
  return (
    backendPolicies()?.extrapolateWithin(logBase_BV, logPreference_BV, search, logZero) ??
    tf.tidy(() => {
      const gamma_B1 = searchByTensors(logBase_BV, logPreference_BV, search);
      return extrapolateRows(logBase_BV, logPreference_BV, gamma_B1);
    })
  );
}

/**
 * The largest γ in [0, γ_max] with KL(π_γ ‖ π_pref) ≤ nats, where π_γ ∝ π_pref exp(γΔ): `[B, 1]`, each row on its
 * own. Newton on log KL as a function of log γ, with d/dγ KL = γ Var_{π_γ}(Δ), inside a bracket whose lower end
 * has been found to fit: that end is the result, so stopping early errs towards the preference policy.
 *
 * Cost: 6 passes over the vocabulary whatever the rows hold, nothing read to the host. A pass is one tilt, one
 * softmax and two weighted sums over V.
 *
 * @throws CoreError `bad-strength`
 */
export function largestGammaWithin(
  logBase_BV: Tensor2D,
  logPreference_BV: Tensor2D,
  budget: DriftBudget,
): Tensor2D {
  const search = planSearch(logBase_BV, logPreference_BV, budget);
  const found = backendPolicies()?.extrapolateWithin(logBase_BV, logPreference_BV, search, logZero);
  if (!found) return searchByTensors(logBase_BV, logPreference_BV, search);
  found.logPolicy_BV.dispose();
  return found.gamma_B1;
}

function planSearch(logBase_BV: Tensor2D, logPreference_BV: Tensor2D, budget: DriftBudget): DriftSearch {
  const { nats, largestGamma } = checkBudget(budget);
  checkPolicies({ logBase_BV, logPreference_BV });
  const limit = driftLimit(nats, logPreference_BV.shape[1]);
  return { limit, wanted: limit * aim, largestGamma, passes };
}

/** The search in tensors: on every backend, what is verified, and what a backend's own is held to. */
function searchByTensors(
  logBase_BV: Tensor2D,
  logPreference_BV: Tensor2D,
  { limit, largestGamma }: DriftSearch,
): Tensor2D {
  return tf.tidy(() => {
    const constants = makeConstants(limit);
    const tilt = openTilt(logBase_BV, logPreference_BV, constants);
    const rise_B1: Tensor2D = tf.sqrt(tf.div(2 * limit * aim, tf.add(tilt.variance_B1, constants.tiny_11)));
    let gamma_B1: Tensor2D = tf.clipByValue(rise_B1, 0, largestGamma);
    let bracket: Bracket = {
      low_B1: tf.zerosLike(gamma_B1),
      high_B1: tf.fill(gamma_B1.shape, 2 * largestGamma),
    };
    for (let pass = 2; ; pass++) {
      // The last look decides whether γ fits; no step follows that would want the slope.
      const point = lookAt(tilt, gamma_B1, constants, pass < passes);
      const over_B1: Tensor2D = tf.step(tf.sub(point.drift_B1, constants.limit_11));
      bracket = narrow(bracket, gamma_B1, over_B1);
      if (pass === passes) return tf.clipByValue(bracket.low_B1, 0, largestGamma);
      gamma_B1 = nextGamma(bracket, point, over_B1, constants, largestGamma);
    }
  });
}

/** Keeps quotients finite; far below any variance or drift that float32 sums resolve. */
const tiny = 1e-20;

/** Numbers of a search as tensors: making one costs more than an operation on a `[B, 1]`. */
function makeConstants(limit: number) {
  const number = (value: number): Tensor2D => tf.tensor2d([[value]]);
  return {
    one_11: number(1),
    tiny_11: number(tiny),
    limit_11: number(limit),
    wanted_11: number(limit * aim),
    curvature_11: number(0.1),
    kneeShare_11: number(0.8),
  };
}

type Constants = ReturnType<typeof makeConstants>;

/** What the search stays within, so that rounding does not carry it over the budget. */
function driftLimit(nats: number, V: number): number {
  return nats - Math.min(roundingError(nats, V), nats / 2);
}

/**
 * Nats of a budget that the search leaves unused on purpose, over a vocabulary of V tokens. It leaves no more where
 * KL at the budget is within a factor √2 of γ² Var_pref(Δ)/2, from which the search starts; six passes may end
 * anywhere below where KL is far from that, which takes a token that is rare under π_pref and rises at once.
 */
export function budgetReserve(nats: number, V: number): number {
  checkBudget({ nats, largestGamma: 0 });
  checkGiven(V, count, "The size of the vocabulary");
  return nats - driftLimit(nats, V) * aim;
}

/**
 * What float32 may hide of a drift. A sum of V terms, one after the other, is off by about √V roundings, and by four
 * times that almost never (on a real model, V = 49,152, sums of a softmax were off by 2.2 √V); the dozen operations
 * around it add one each.
 */
function roundingError(nats: number, V: number): number {
  return 2 ** -24 * 4 * (Math.sqrt(V) + 12) * (1 + nats);
}

/**
 * The family π_γ of every row, made ready for looks at single members. One entry is appended to the vocabulary, the
 * reference: log-weight 0 at every γ. Its probability r in the softmax of V + 1 entries tells log Z = log((1 − r)/r),
 * for which the maximum of the row, and of its softmax, would have to be searched. Since Δ is centred,
 * log Z ≥ 0 (Jensen), so r ≤ ½ never swallows the rest.
 */
interface Tilt {
  readonly logReference_BW: Tensor2D;
  /** Δ − E_pref[Δ], with 0 for the reference; W = V + 1. */
  readonly delta_BW: Tensor2D;
  /** log Z at γ = 0: zero but for rounding, and in every other log Z as well. */
  readonly logZero_B1: Tensor2D;
  /** Var_pref(Δ). */
  readonly variance_B1: Tensor2D;
}

function openTilt(logBase_BV: Tensor2D, logPreference_BV: Tensor2D, { one_11 }: Constants): Tilt {
  const zero_B1 = tf.zeros<tf.Rank.R2>([logBase_BV.shape[0], 1]);
  const appendReference = (row_BV: Tensor2D): Tensor2D => tf.concat([row_BV, zero_B1], 1);
  const difference_BV: Tensor2D = tf.sub(logPreference_BV, logBase_BV);
  const logReference_BW = appendReference(logPreference_BV);
  const start = weigh(logReference_BW, appendReference(difference_BV), one_11);
  return {
    logReference_BW,
    delta_BW: appendReference(tf.sub(difference_BV, start.mean_B1)),
    logZero_B1: start.logZ_B1,
    variance_B1: start.variance_B1,
  };
}

/** The first two moments of Δ under the softmax of a row, the reference left out, and the row's log Z. */
function weigh(logWeights_BW: Tensor2D, delta_BW: Tensor2D, one_11: Tensor2D, needsVariance = true) {
  const policy_BW = tf.softmax(logWeights_BW);
  const reference_B1 = tf.slice(policy_BW, [0, logWeights_BW.shape[1] - 1]);
  const rest_B1 = tf.sub(one_11, reference_B1);
  const first_BW = tf.mul(policy_BW, delta_BW);
  const mean_B1: Tensor2D = tf.div(tf.sum(first_BW, 1, true), rest_B1);
  // Rounding may leave less than nothing of a variance that is small beside the squared mean.
  const variance_B1: Tensor2D = needsVariance
    ? tf.relu(tf.sub(tf.div(tf.sum(tf.mul(first_BW, delta_BW), 1, true), rest_B1), tf.square(mean_B1)))
    : tf.zerosLike(mean_B1);
  // An r that underflows makes log Z too small and so the drift too large: the safe side again.
  const logZ_B1: Tensor2D = tf.log(tf.div(rest_B1, tf.clipByValue(reference_B1, 1e-37, 1)));
  return { mean_B1, variance_B1, logZ_B1 };
}

/** One member of the family. */
interface Point {
  readonly gamma_B1: Tensor2D;
  /** E_{π_γ}[Δ] − E_pref[Δ]. */
  readonly mean_B1: Tensor2D;
  /** Zero where it was not asked for. */
  readonly variance_B1: Tensor2D;
  /** KL(π_γ ‖ π_pref) = γ E_{π_γ}[Δ] − log Z. */
  readonly drift_B1: Tensor2D;
}

/** Tidied: what is as long as the vocabulary is freed at once, and the next pass finds its memory in the cache. */
function lookAt(
  { logReference_BW, delta_BW, logZero_B1 }: Tilt,
  gamma_B1: Tensor2D,
  { one_11 }: Constants,
  needsVariance: boolean,
): Point {
  const { mean_B1, variance_B1, logZ_B1 } = tf.tidy(() =>
    weigh(tf.add(logReference_BW, tf.mul(delta_BW, gamma_B1)), delta_BW, one_11, needsVariance),
  );
  const drift_B1: Tensor2D = tf.sub(tf.mul(gamma_B1, mean_B1), tf.sub(logZ_B1, logZero_B1));
  return { gamma_B1, mean_B1, variance_B1, drift_B1 };
}

/** The largest γ known to fit and the smallest known not to. */
interface Bracket {
  readonly low_B1: Tensor2D;
  readonly high_B1: Tensor2D;
}

/** A look at γ becomes the upper end where it was over the limit, else the lower end, which never sinks. */
function narrow({ low_B1, high_B1 }: Bracket, gamma_B1: Tensor2D, over_B1: Tensor2D): Bracket {
  return {
    low_B1: tf.maximum(low_B1, choose(gamma_B1, low_B1, over_B1)),
    high_B1: choose(high_B1, gamma_B1, over_B1),
  };
}

/** `first` where the switch is 0, `second` where it is 1: faster than `tf.where`, which wants a boolean tensor. */
function choose(first_B1: Tensor2D, second_B1: Tensor2D, switch_B1: Tensor2D): Tensor2D {
  return tf.add(first_B1, tf.mul(switch_B1, tf.sub(second_B1, first_B1)));
}

/**
 * Newton's step for log KL over log γ. Its slope is 2 while KL is quadratic and grows where a token that is rare under
 * π_pref rises, so a step lands beyond by about its square times the relative growth of the slope over two; a tenth of
 * the square is taken off. From above it does not go below the knee: where KL is flat, since one token has taken over,
 * Newton's step knows nothing of what lies before. The chord of KL over E[Δ], which begins at γ = 0, does: dKL = γ dE[Δ]
 * makes its slope a γ in between, at which that token has half of its way behind it. From below, a step past a point
 * that was over is replaced by the middle.
 */
function nextGamma(
  { low_B1, high_B1 }: Bracket,
  { gamma_B1, mean_B1, variance_B1, drift_B1 }: Point,
  over_B1: Tensor2D,
  { wanted_11, tiny_11, curvature_11, kneeShare_11 }: Constants,
  largestGamma: number,
): Tensor2D {
  const positive_B1: Tensor2D = tf.clipByValue(drift_B1, 1e-12, 1e12);
  const missing_B1 = tf.log(tf.div(wanted_11, positive_B1));
  const curved_B1 = tf.mul(tf.clipByValue(tf.square(missing_B1), 0, 1), curvature_11);
  const slope_B1 = tf.add(tf.mul(tf.mul(gamma_B1, gamma_B1), variance_B1), tiny_11);
  const steps_B1 = tf.div(tf.mul(tf.sub(missing_B1, curved_B1), positive_B1), slope_B1);
  // Clipped before the exponential, since a γ of 0 times Infinity would be NaN.
  const growth_B1 = tf.exp(tf.clipByValue(steps_B1, -80, 80));
  const newton_B1: Tensor2D = tf.clipByValue(tf.mul(gamma_B1, growth_B1), 0, largestGamma);
  const knee_B1 = tf.div(positive_B1, tf.clipByValue(mean_B1, tiny, 1e12));
  const least_B1: Tensor2D = tf.maximum(low_B1, tf.mul(knee_B1, tf.mul(over_B1, kneeShare_11)));
  const step_B1: Tensor2D = tf.maximum(newton_B1, least_B1);
  const middle_B1: Tensor2D = tf.mul(tf.add(low_B1, high_B1), 0.5);
  return choose(middle_B1, step_B1, tf.step(tf.sub(high_B1, step_B1)));
}

function checkBudget(budget: DriftBudget): DriftBudget {
  checkFields(budget, { nats: number, largestGamma: number }, "the budget", "bad-strength");
  const { nats, largestGamma } = budget;
  const expected = "must be a finite number of at least 0";
  if (!Number.isFinite(nats) || nats < 0)
    throw new CoreError("bad-strength", `The KL budget, in nats, ${expected}; it is ${nats}.`);
  if (!(largestGamma >= 0 && largestGamma < largestStrength))
    throw new CoreError(
      "bad-strength",
      `The largest γ must be at least 0 and below ${largestStrength}; it is ${largestGamma}.`,
    );
  return budget;
}
