/** The largest strength whose drift from the preference policy stays within a budget. */
import { tilt } from "./amulet.js";
import { kl, type Row } from "./distribution.js";

/** A budget in nats, and the γ that is not exceeded however much budget is left. */
export interface DriftBudget {
  readonly nats: number;
  readonly largestGamma: number;
}

/** KL(π_γ ‖ π_pref). */
export function drift(logBase: Row, logPreference: Row, gamma: number): number {
  return kl(tilt(logBase, logPreference, gamma), tilt(logBase, logPreference, 0));
}

/**
 * The largest γ in [0, largestGamma] with KL(π_γ ‖ π_pref) ≤ nats, by bisection: d/dγ KL = γ Var_{π_γ}(Δ) ≥ 0.
 * The result is the lower end of the last bracket, so the budget is met.
 */
export function largestGammaWithin(logBase: Row, logPreference: Row, budget: DriftBudget): number {
  const fits = (gamma: number) => drift(logBase, logPreference, gamma) <= budget.nats;
  if (fits(budget.largestGamma)) return budget.largestGamma;
  let low = 0;
  let high = budget.largestGamma;
  for (let halving = 0; halving < 100; halving++) {
    const middle = (low + high) / 2;
    if (middle === low || middle === high) break;
    if (fits(middle)) low = middle;
    else high = middle;
  }
  return low;
}
