/**
 * No-Worse Context-Aware Decoding (Tao and Agrawal 2026, arXiv 2604.16686): a gate that takes one prompt as it is
 * wherever that is enough. The paper has a context where we have a preference.
 */

import type { Tensor2D } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import { CoreError } from "../errors.js";
import { checkFields, checkGiven, method as givenMethod, number } from "../port/given.js";
import { adaCadMethod } from "./adacad.js";
import { jensenShannon, topMargin } from "./divergence.js";
import { applyMethod, type Method } from "./method.js";

/** What decides; each from 0 to 1. */
export interface GateThresholds {
  /** τ: most Jensen–Shannon divergence, in bits, at which the preference counts as saying nothing new. */
  readonly divergence: number;
  /** κ_pri: least margin of the base policy's best token over its second for which it is kept. */
  readonly baseMargin: number;
  /** κ_ctx: least margin of the preference policy's best token over its second for which it is taken. */
  readonly preferenceMargin: number;
}

/** Ours: the paper tunes its own on Llama 3.1 8B, and we could not read their values. */
export const defaultThresholds: GateThresholds = Object.freeze({
  divergence: 0.05,
  baseMargin: 0.5,
  preferenceMargin: 0.5,
});

/**
 * Per token one of three: the base policy itself where the two hardly differ and it is sure (γ = −1), else the
 * preference policy itself where that is sure (γ = 0), else the fallback.
 *
 * After secondary descriptions of the paper's two stages; the paper itself was out of our reach. It takes the divergence
 * over the 50 best tokens, we take it over all; its fallback is CoCoA, and any method of the kind will do: ours is
 * {@link adaCadMethod}.
 *
 * @throws CoreError `bad-strength`
 */
export function nwcadMethod(
  thresholds: GateThresholds = defaultThresholds,
  fallback: Method = adaCadMethod(),
): Method {
  const kinds = { divergence: number, baseMargin: number, preferenceMargin: number };
  checkFields(thresholds, kinds, "the thresholds of NWCAD", "bad-strength");
  checkGiven(fallback, givenMethod, "The fallback of NWCAD");
  for (const name of ["divergence", "baseMargin", "preferenceMargin"] as const) {
    const value = thresholds[name];
    if (value >= 0 && value <= 1) continue;
    throw new CoreError(
      "bad-strength",
      `The threshold ${name} of NWCAD must be from 0 to 1; it is ${value}.`,
    );
  }
  return {
    name: "nwcad",
    reads: "both",
    ...(fallback.needs && { needs: fallback.needs }),
    policy: (logBase_BV, logPreference_BV) =>
      tf.tidy(() => {
        const otherwise = applyMethod(fallback, logBase_BV, logPreference_BV);
        const gamma_B1 = otherwise.gamma_B1 ?? knownGamma(fallback, logBase_BV.shape[0]);
        const route = routeRows(logBase_BV, logPreference_BV, thresholds);
        const logPolicy_BV = mix(route, logBase_BV, logPreference_BV, otherwise.logPolicy_BV);
        if (!gamma_B1) return logPolicy_BV;
        const zero_B1 = tf.zerosLike(gamma_B1);
        return { logPolicy_BV, gamma_B1: mix(route, tf.sub(zero_B1, 1), zero_B1, gamma_B1) };
      }),
  };
}

function knownGamma({ guidanceScale }: Method, rows: number): Tensor2D | undefined {
  return guidanceScale === undefined ? undefined : tf.fill([rows, 1], guidanceScale - 1);
}

/** 1 where a row takes the policy, else 0; one of the three is 1. */
interface Route {
  readonly base_B1: tf.Tensor;
  readonly preference_B1: tf.Tensor;
  readonly fallback_B1: tf.Tensor;
}

function routeRows(
  logBase_BV: Tensor2D,
  logPreference_BV: Tensor2D,
  { divergence, baseMargin, preferenceMargin }: GateThresholds,
): Route {
  const apart_B1 = tf.step(tf.sub(jensenShannon(logBase_BV, logPreference_BV), divergence));
  // step(0) is 0: written so that a margin which equals its threshold is enough.
  const unsure_B1 = tf.step(tf.sub(baseMargin, topMargin(logBase_BV)));
  const other_B1 = tf.maximum(apart_B1, unsure_B1);
  const fallback_B1 = tf.mul(other_B1, tf.step(tf.sub(preferenceMargin, topMargin(logPreference_BV))));
  return { base_B1: tf.sub(1, other_B1), preference_B1: tf.sub(other_B1, fallback_B1), fallback_B1 };
}

/** The rows that were routed there, exactly: every value is finite, so that 0 times it is 0. */
function mix(
  { base_B1, preference_B1, fallback_B1 }: Route,
  base: tf.Tensor,
  preference: tf.Tensor,
  fallback: tf.Tensor,
): Tensor2D {
  const single = tf.add(tf.mul(base, base_B1), tf.mul(preference, preference_B1));
  return tf.add(single, tf.mul(fallback, fallback_B1));
}
