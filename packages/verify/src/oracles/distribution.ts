/**
 * Distributions over a vocabulary, in float64, from their definitions.
 * A distribution is held as natural log-probabilities; −Infinity marks a token that cannot occur.
 */

/** Numbers over the vocabulary: a plain array, a typed array, a row of a tensor that was read back. */
export type Row = ArrayLike<number>;

/** A function of the token index, tabulated. */
export function tabulate(length: number, value: (index: number) => number): Float64Array {
  return Float64Array.from({ length }, (_, index) => value(index));
}

/** Σ_a value(a), with Neumaier's compensation: the oracle's sums should not add an error of their own. */
export function sumOver(length: number, value: (index: number) => number): number {
  let sum = 0;
  let lost = 0;
  for (let i = 0; i < length; i++) {
    const term = value(i);
    const next = sum + term;
    if (!Number.isFinite(next)) return plainSum(length, value);
    lost += Math.abs(sum) >= Math.abs(term) ? sum - next + term : term - next + sum;
    sum = next;
  }
  return sum + lost;
}

function plainSum(length: number, value: (index: number) => number): number {
  let sum = 0;
  for (let i = 0; i < length; i++) sum += value(i);
  return sum;
}

/** The largest entry; −Infinity for an empty row. */
export function largest(row: Row): number {
  let best = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < row.length; i++) best = Math.max(best, row[i]!);
  return best;
}

/** The smallest entry; Infinity for an empty row. */
export function smallest(row: Row): number {
  return -largest(tabulate(row.length, (i) => -row[i]!));
}

/** log Σ_a exp(row(a)). */
export function logSumExp(row: Row): number {
  const top = largest(row);
  return Number.isFinite(top) ? top + logMass(row, top) : top;
}

/** log Σ_a exp(row(a) − top). */
function logMass(row: Row, top: number): number {
  return Math.log(sumOver(row.length, (i) => Math.exp(row[i]! - top)));
}

/**
 * Logits to log-probabilities. The largest logit is subtracted before the mass is: logits near 10,000 would
 * otherwise swallow the last four digits of log Z.
 */
export function logSoftmax(logits: Row): Float64Array {
  const top = largest(logits);
  const logZ = logMass(logits, top);
  return tabulate(logits.length, (i) => logits[i]! - top - logZ);
}

/** Log-probabilities to probabilities. */
export function probabilities(logPolicy: Row): Float64Array {
  return tabulate(logPolicy.length, (i) => Math.exp(logPolicy[i]!));
}

/** E_π[value] with 0 · anything = 0, also where `value` is infinite or undefined. */
export function expectation(logPolicy: Row, value: (index: number) => number): number {
  return sumOver(logPolicy.length, (i) => {
    const p = Math.exp(logPolicy[i]!);
    return p === 0 ? 0 : p * value(i);
  });
}

/** KL(π ‖ ρ) = Σ_a π(a) (log π(a) − log ρ(a)), in nats; Infinity where π reaches a token that ρ cannot. */
export function kl(logPolicy: Row, logOther: Row): number {
  return expectation(logPolicy, (i) => logPolicy[i]! - logOther[i]!);
}

/** ½ Σ_a |π(a) − ρ(a)|, between 0 and 1. */
export function totalVariation(logPolicy: Row, logOther: Row): number {
  return sumOver(logPolicy.length, (i) => Math.abs(Math.exp(logPolicy[i]!) - Math.exp(logOther[i]!))) / 2;
}

/** −Σ_a π(a) log π(a), in nats. */
export function entropy(logPolicy: Row): number {
  return -expectation(logPolicy, (i) => logPolicy[i]!);
}

/** Var_π(values). */
export function variance(logPolicy: Row, values: Row): number {
  const mean = expectation(logPolicy, (i) => values[i]!);
  return expectation(logPolicy, (i) => (values[i]! - mean) ** 2);
}
