/** Methods that choose their own strength for each token, by what the two policies say: AdaCAD and NWCAD. */
import { kl, probabilities, type Row, tabulate } from "./distribution.js";

/** ½ KL(p ‖ m) + ½ KL(q ‖ m) with m = (p + q)/2, in bits. */
export function jensenShannon(logP: Row, logQ: Row): number {
  const [p, q] = [probabilities(logP), probabilities(logQ)];
  const logMiddle = tabulate(p.length, (a) => Math.log((p[a]! + q[a]!) / 2));
  return (kl(logP, logMiddle) + kl(logQ, logMiddle)) / (2 * Math.LN2);
}

/** When a gate takes one prompt as it is. */
export interface GateThresholds {
  readonly divergence: number;
  readonly baseMargin: number;
  readonly preferenceMargin: number;
}

/** What a gate takes, and how near the nearest of its decisions was. */
export interface Routed {
  readonly to: "base" | "preference" | "fallback";
  readonly margin: number;
}

/** NWCAD's two stages. */
export function route(logBase: Row, logPreference: Row, thresholds: GateThresholds): Routed {
  const divergence = jensenShannon(logBase, logPreference);
  const [base, preference] = [topMargin(logBase), topMargin(logPreference)];
  const isNeutral = divergence <= thresholds.divergence && base >= thresholds.baseMargin;
  const isSure = preference >= thresholds.preferenceMargin;
  const margin = Math.min(
    Math.abs(divergence - thresholds.divergence),
    Math.abs(base - thresholds.baseMargin),
    Math.abs(preference - thresholds.preferenceMargin),
  );
  return { to: isNeutral ? "base" : isSure ? "preference" : "fallback", margin };
}

/** The best probability less the second; one token alone has all of it. */
function topMargin(logPolicy: Row): number {
  const [first = 0, second = 0] = [...probabilities(logPolicy)].sort((a, b) => b - a);
  return first - second;
}
