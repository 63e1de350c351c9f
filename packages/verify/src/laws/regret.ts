/** A law of the whole run: Amulet as an online learner, measured against the best policy in hindsight. */
import fc from "fast-check";
import { genericPair, policyRow } from "../arbitraries/rows.js";
import { type AmuletParameters, closedForm, meanOf } from "../oracles/amulet.js";
import { expectation, kl, logSoftmax, type Row, sumOver, tabulate } from "../oracles/distribution.js";
import type { SubjectWith } from "../subject.js";
import { defineLaw, type Law } from "./law.js";
import { loopBound } from "./tolerance.js";

/** What a run of T steps earned and might have earned. Payoff of step t: f_t(π) = ⟨u_t, π⟩ − λ KL(π ‖ π_1). */
export interface Regret {
  /** Σ_t f_t(π°) − f_t(π_t), with π° the fixed policy that maximises Σ_t f_t. */
  readonly regret: number;
  /** What it may be when every π_{t+1} maximises its step's objective. */
  readonly bound: number;
}

/**
 * The regret of iterates π_1 … π_{T+1}, and its bound. Be-the-leader with a moving anchor: as π_{t+1} maximises
 * Φ_t(π) = Σ_{i≤t} f_i(π) − (1/η) KL(π ‖ π_t), summing Φ_t(π_{t+1}) − Φ_{t−1}(π_t) gives
 *
 *     regret ≤ Σ_t [f_t(π_{t+1}) − f_t(π_t)] + (1/η) KL(π° ‖ π_T)
 *              + (1/η) Σ_{t≥2} [KL(π_{t+1} ‖ π_{t−1}) − KL(π_{t+1} ‖ π_t)]
 */
export function measureRegret(
  iterates: readonly Row[],
  logBase: Row,
  { alpha, lambda, eta }: Pick<AmuletParameters, "alpha" | "lambda" | "eta">,
): Regret {
  const steps = iterates.length - 1;
  const at = (t: number) => iterates[t - 1]!;
  const utilities = iterates
    .slice(0, steps)
    .map((policy) => tabulate(policy.length, (a) => alpha * (policy[a]! - logBase[a]!)));
  const payoff = (t: number, policy: Row) =>
    expectation(policy, (a) => utilities[t - 1]![a]!) - lambda * kl(policy, at(1));
  const sumSteps = (from: number, value: (t: number) => number) =>
    sumOver(Math.max(0, steps - from + 1), (i) => value(from + i));

  const [meanUtility, logReference] = [meanOf(utilities), at(1)];
  const best = closedForm({ meanUtility, logReference, logCurrent: logReference, lambda, proximal: 0 });
  const anchor = sumSteps(2, (t) => kl(at(t + 1), at(t - 1)) - kl(at(t + 1), at(t)));
  return {
    regret: sumSteps(1, (t) => payoff(t, best) - payoff(t, at(t))),
    bound: sumSteps(1, (t) => payoff(t, at(t + 1)) - payoff(t, at(t))) + (kl(best, at(steps)) + anchor) / eta,
  };
}

const regretBounded = defineLaw({
  name: "regret-bounded",
  statement:
    "Against the best fixed policy the iterates lose no more than follow-the-regularised-leader may.",
  needs: ["amuletLoop"],
  cases: fc.record({
    pair: genericPair,
    steps: fc.integer({ min: 1, max: 6 }),
    ratio: fc.constantFrom(1, 0.5, 2),
    lambda: fc.constantFrom(2, 1, 0.5),
    eta: fc.constantFrom(10, 1, 0.1),
  }),
  async judge(subject, { pair, steps, ratio, lambda, eta }) {
    const [logBase, logPreference] = [policyRow(pair.base), policyRow(pair.preference)];
    const parameters = { iterations: steps, alpha: ratio * lambda, lambda, eta };
    const iterates = await iteratesOf(subject, logBase, logPreference, parameters);
    const { regret, bound } = measureRegret(iterates, logBase, parameters);
    const off = Math.max(...loopBound(logBase, logPreference, parameters, subject.unitRoundoff + 2 ** -53));
    // Errors δ of the log-policies move each of the 4T payoffs and divergences by at most δ times its integrand's size.
    const size = Math.max(
      ...iterates.map((row) => Math.max(...tabulate(row.length, (a) => Math.abs(row[a]!)))),
    );
    const integrand = (parameters.alpha + lambda + 1 / eta) * (2 * size + 1);
    return { error: Math.max(0, regret - bound), tolerance: 4 * steps * off * integrand };
  },
});

/** π_1 … π_{T+1}: the loop run with 0 … T steps. */
async function iteratesOf(
  subject: SubjectWith<"amuletLoop">,
  logBase: Row,
  logPreference: Row,
  parameters: AmuletParameters,
): Promise<Float64Array[]> {
  const iterates: Float64Array[] = [];
  for (let iterations = 0; iterations <= parameters.iterations; iterations++) {
    iterates.push(
      logSoftmax(await subject.amuletLoop(logBase, logPreference, { ...parameters, iterations })),
    );
  }
  return iterates;
}

/** All of them. */
export const regretLaws: readonly Law[] = [regretBounded];
