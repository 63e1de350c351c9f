import type { Tensor2D } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import { CoreError } from "../errors.js";
import { checkGiven, describeValue, method as givenMethod, number, text } from "../port/given.js";
import { checkPolicies } from "../port/given-policies.js";
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
 * Which tokens a method needs where an engine gives the most probable ones: `whole`, all of the vocabulary; `given`,
 * whichever come; those that hold this mass of the preference policy; those at least this share as probable as its best.
 */
export type NeededTokens = "whole" | "given" | { readonly mass: number } | { readonly share: number };

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
  /** Which tokens must be given for the policy to be right; `whole`, all of them, where it is not said. */
  readonly needs?: NeededTokens;
  policy(logBase_BV: Tensor2D, logPreference_BV: Tensor2D): MethodResult;
}

/** A method's result in its parts. */
export interface MethodPolicy {
  readonly logPolicy_BV: Tensor2D;
  /** Where the method reports it. */
  readonly gamma_B1?: Tensor2D;
}

/**
 * Runs a method on log-policies of one shape and takes its result apart. Arguments are borrowed, results belong to the
 * caller; nothing of a result that is refused is left.
 *
 * @throws CoreError `shape-mismatch` where what came back is no policy of that shape; whatever the method throws
 */
export function applyMethod(method: Method, logBase_BV: Tensor2D, logPreference_BV: Tensor2D): MethodPolicy {
  checkGiven(method, givenMethod, "The method");
  checkPolicies({ logBase_BV, logPreference_BV });
  const [B, V] = logBase_BV.shape;
  const result: unknown = method.policy(logBase_BV, logPreference_BV);
  const { logPolicy_BV, gamma_B1 }: Record<string, unknown> =
    result instanceof tf.Tensor ? { logPolicy_BV: result } : { ...(result ?? {}) };
  if (hasShape(logPolicy_BV, B, V) && (gamma_B1 === undefined || hasShape(gamma_B1, B, 1)))
    return { logPolicy_BV, ...(gamma_B1 && { gamma_B1 }) };
  tf.dispose([logPolicy_BV, gamma_B1].filter((part) => part instanceof tf.Tensor));
  throw new CoreError(
    "shape-mismatch",
    `The method ${method.name} must return a log-policy of the shape [${B}, ${V}], alone or as logPolicy_BV beside a ` +
      `gamma_B1 of [${B}, 1]; it returned ${describeResult(result)}.`,
  );
}

function hasShape(value: unknown, rows: number, columns: number): value is Tensor2D {
  return (
    value instanceof tf.Tensor && value.rank === 2 && value.shape[0] === rows && value.shape[1] === columns
  );
}

function describeResult(result: unknown): string {
  if (result instanceof tf.Tensor) return `a tensor of [${result.shape}]`;
  if (typeof result !== "object" || result === null) return describeValue(result);
  const parts = Object.entries(result).map(
    ([name, part]) => `${name} ${part instanceof tf.Tensor ? `of [${part.shape}]` : `that is no tensor`}`,
  );
  return parts.length === 0 ? "an empty object" : parts.join(" and ");
}

/** The base prompt alone: the model as it is. x = 0. */
export function baseMethod(): Method {
  return {
    name: "base",
    reads: "base",
    guidanceScale: 0,
    needs: "given",
    policy: (logBase_BV) => tf.clone(logBase_BV),
  };
}

/** The preference prompt alone: the preference as an instruction. x = 1. */
export function preferenceMethod(): Method {
  return {
    name: "pref",
    reads: "preference",
    guidanceScale: 1,
    needs: "given",
    policy: (_, logPreference_BV) => tf.clone(logPreference_BV),
  };
}

/** Linear Alignment as the Amulet authors run it, without a plausibility mask. x = ratio + 1. */
export function linearAlignmentMethod(ratio: number = paperLinearAlignmentRatio): Method {
  checkGiven(ratio, number, "The ratio of Linear Alignment", "bad-strength");
  return guidanceMethod(ratio + 1, "la");
}

/**
 * Any x: 0 is base, 1 is pref, above 1 goes past the preference prompt. Classifier-free guidance's dial.
 *
 * @throws CoreError `bad-strength`
 */
export function guidanceMethod(scale: number, name = "guidance"): Method {
  checkStrength(scale);
  checkGiven(name, text, "The name of the method");
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
