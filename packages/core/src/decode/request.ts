/** What is asked of the decode loop, and what it tells. */
import type { ExplainOptions, Explanation } from "../explain/explain.js";
import type { Method } from "../methods/method.js";
import type { SeenMass } from "../port/log-probabilities.js";
import type { Choose } from "./choose.js";
import type { Prompts, WeightedPrompt } from "./prompts.js";

export type EndReason = "stop" | "length";

/** What may change between two tokens of an answer; what is left out stays as it is. */
export interface Change {
  readonly method?: Method;
  readonly preferences?: readonly WeightedPrompt[];
}

/** One answer to generate: its prompts, a method, a way of choosing. */
export interface DecodeRequest extends Prompts {
  readonly method: Method;
  readonly choose: Choose;
  /** A whole number of at least 1. */
  readonly maxNewTokens: number;
  /** Asked once for every token of the answer; true ends it after this one. It is to change nothing. */
  readonly stopAfter?: (id: number) => boolean;
  /**
   * Asked before every token, the first included, with the answer so far. What it changes holds from this token on.
   * A new method costs nothing; a new preference is read once, with the answer so far, in the same forward pass as
   * the other rows' next token.
   */
  readonly beforeToken?: (generated: readonly number[]) => Change | undefined;
  /** Explains every token. Both prompts are then computed, whatever the method reads. */
  readonly explain?: boolean | ExplainOptions;
  /** Tells KL(π ‖ π_pref) of every token's policy. Both prompts are then computed, but no row is read to the host. */
  readonly reportDrift?: boolean;
  /** Tells both prompts' log-policies at every token, so that any strength can be worked out from them. Both are computed. */
  readonly reportRows?: boolean;
}

/** Both prompts' log-policies at one place of an answer, over the whole vocabulary. */
export interface ReportedRows {
  readonly logBase_V: Float32Array;
  /** Of several preferences, what they are together. */
  readonly logPreference_V: Float32Array;
}

/** What {@link decode} yields: tokens as they come, then one end per request. */
export type DecodeEvent =
  | {
      readonly type: "token";
      readonly request: number;
      readonly id: number;
      readonly logProbability: number;
      /** γ = x − 1, from methods that choose it anew for each token. */
      readonly gamma?: number;
      /** KL(π ‖ π_pref) in nats, where it was asked for; roundings of float32 may leave it below 0. */
      readonly drift?: number;
      /** Where the engine gives only the most probable tokens: how much of each policy it gave. */
      readonly seen?: SeenMass;
      readonly explanation?: Explanation;
      /** What the token was chosen by, where it was asked for. */
      readonly rows?: ReportedRows;
    }
  | { readonly type: "end"; readonly request: number; readonly reason: EndReason };
