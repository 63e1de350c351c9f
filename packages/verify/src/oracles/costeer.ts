/** CoSteer from its definition: an online-learning loop whose utility holds another model's Δ. */
import type { AmuletParameters } from "./amulet.js";
import { logSoftmax, type Row, tabulate } from "./distribution.js";

/** T, α, λ, η and the weight β of the small model's Δ. */
export interface CoSteerParameters extends AmuletParameters {
  readonly beta: number;
}

/** The paper's settings. */
export const paperCoSteer: CoSteerParameters = { iterations: 20, alpha: 2, beta: 1, lambda: 2, eta: 10 };

/** What each of the three prompts says: the large model's, and the small model's without and with the preference. */
export interface TransferRows {
  readonly logLarge: Row;
  readonly logSmallBase: Row;
  readonly logSmallPreference: Row;
}

/** log π_{T+1}, with every utility kept: u_t = α (log π_t − log π_large) + β Δ, from π_1 = π_large. */
export function coSteer(rows: TransferRows, parameters: CoSteerParameters): Float64Array {
  const { iterations, alpha, beta, lambda, eta } = parameters;
  const logLarge = logSoftmax(rows.logLarge);
  const delta = deltaOf(rows);
  const utilities: Float64Array[] = [];
  let logPolicy = logLarge;
  for (let t = 1; t <= iterations; t++) {
    const current = logPolicy;
    utilities.push(tabulate(current.length, (a) => alpha * (current[a]! - logLarge[a]!) + beta * delta[a]!));
    logPolicy = logSoftmax(
      tabulate(current.length, (a) => {
        const gained = utilities.reduce((sum, utility) => sum + utility[a]!, 0);
        return (t * lambda * logLarge[a]! + gained + current[a]! / eta) / (t * lambda + 1 / eta);
      }),
    );
  }
  return logPolicy;
}

/** log π_large + strength · Δ, normalised. */
export function transfer(rows: TransferRows, strength: number): Float64Array {
  const delta = deltaOf(rows);
  return logSoftmax(tabulate(delta.length, (a) => rows.logLarge[a]! + strength * delta[a]!));
}

function deltaOf({ logSmallBase, logSmallPreference }: TransferRows): Float64Array {
  return tabulate(logSmallBase.length, (a) => logSmallPreference[a]! - logSmallBase[a]!);
}
