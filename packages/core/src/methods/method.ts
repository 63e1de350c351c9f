import type { Tensor2D } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import {
  type AmuletParameters,
  checkStrength,
  decodableScale,
  paperLinearAlignmentRatio,
  paperParameters,
} from "../strength/strength.js";
import { amuletLoop, extrapolate } from "./policy.js";

/** What a method may return: the log-policy alone, or with the γ it used in each row, for diagnostics. */
export type MethodResult = Tensor2D | { readonly logPolicy_BV: Tensor2D; readonly gamma_B1: Tensor2D };

/**
 * A decoding method: two log-policies in, one out. Arguments are borrowed, the result belongs to the caller.
 *
 * @example A method of one's own, the geometric mean of both policies:
 * ```ts
 * const mean: Method = {
 *   name: "mean",
 *   reads: "both",
 *   policy: (logBase_BV, logPreference_BV) => extrapolate(logBase_BV, logPreference_BV, -0.5),
 * };
 * ```
 */
export interface Method {
  readonly name: string;
  /** Which prompts it needs; a prompt that nobody reads is not computed. */
  readonly reads: "base" | "preference" | "both";
  /** x where the method is one number, for display. */
  readonly guidanceScale?: number;
  policy(logBase_BV: Tensor2D, logPreference_BV: Tensor2D): MethodResult;
}

/** The base prompt alone: the model as it is. x = 0. */
export function baseMethod(): Method {
  return { name: "base", reads: "base", guidanceScale: 0, policy: (logBase_BV) => tf.clone(logBase_BV) };
}

/** The preference prompt alone: the preference as an instruction. x = 1. */
export function preferenceMethod(): Method {
  return {
    name: "pref",
    reads: "preference",
    guidanceScale: 1,
    policy: (_, logPreference_BV) => tf.clone(logPreference_BV),
  };
}

/** Linear Alignment as the Amulet authors run it, without a plausibility mask. x = ratio + 1. */
export function linearAlignmentMethod(ratio: number = paperLinearAlignmentRatio): Method {
  return guidanceMethod(ratio + 1, "la");
}

/**
 * Any x: 0 is base, 1 is pref, above 1 goes past the preference prompt. Classifier-free guidance's dial.
 *
 * @throws CoreError `bad-strength`
 */
export function guidanceMethod(scale: number, name = "guidance"): Method {
  checkStrength(scale);
  return {
    name,
    reads: "both",
    guidanceScale: scale,
    policy: (logBase_BV, logPreference_BV) => extrapolate(logBase_BV, logPreference_BV, scale - 1),
  };
}

/** Amulet, collapsed to one pass over the vocabulary. */
export function amuletMethod(parameters: AmuletParameters = paperParameters): Method {
  return guidanceMethod(decodableScale(parameters), "amulet");
}

/** Amulet as published: T closed-form steps for every token. The same policy, T times the arithmetic. */
export function amuletExactMethod(parameters: AmuletParameters = paperParameters): Method {
  return {
    name: "amulet-exact",
    reads: "both",
    guidanceScale: decodableScale(parameters),
    policy: (logBase_BV, logPreference_BV) => amuletLoop(logBase_BV, logPreference_BV, parameters),
  };
}
