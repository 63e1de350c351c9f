/** CoSteer's online learning, collapsed as Amulet's is. */
import { checkGiven, finite, record } from "../port/given.js";
import {
  type AmuletParameters,
  checkParameters,
  normaliseWeights,
  stepTo,
  walkExponents,
} from "./strength.js";

/** CoSteer's T, α, λ and η are Amulet's; β weighs the small model's Δ, which every utility holds. */
export interface CoSteerParameters extends AmuletParameters {
  /** β: finite. */
  readonly beta: number;
}

/** The paper's settings. */
export const paperCoSteer: CoSteerParameters = Object.freeze({
  iterations: 20,
  alpha: 2,
  beta: 1,
  lambda: 2,
  eta: 10,
});

/**
 * y_{T+1} in log π = log π_large + y Δ − log Z, which T steps of CoSteer amount to, for
 *
 *     u_t = α (log π_t − log π_large) + β Δ,   π_1 = π_large, the policy that λ pulls back to.
 *
 * The exponents obey Amulet's recursion from another start: y = (β/α)(x − 1), Amulet's γ where β = α.
 *
 * @throws CoreError `bad-strength`
 */
export function coSteerScale(all: CoSteerParameters): number {
  checkGiven(all, record, "The parameters of CoSteer", "bad-strength");
  checkGiven(all.beta, finite, "beta (β)", "bad-strength");
  const { beta, ...parameters } = all;
  const { iterations } = checkParameters(parameters);
  const { beta: drive, ...weights } = normaliseWeights({ beta, ...parameters });
  return stepTo(walkExponents(weights, 0, drive), iterations);
}
