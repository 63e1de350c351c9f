/** How often an answer would win if it were as long as the other: AlpacaEval 2's idea (Dubois et al. 2024). */
import { EvaluationError } from "../errors.js";

/**
 * Fits P(win) = σ(θ + φ tanh(d / s)), d being how much longer the answer is and s the standard deviation of d over all
 * pairs, to outcomes by maximum likelihood, and gives σ(θ): the rate at d = 0. AlpacaEval's regression has a term for the
 * difficulty of each instruction as well, which it takes from other models' results; here there are none.
 *
 * A weak pull of both numbers to 0 (a precision of 0.01) keeps them finite where length or nothing decides every pair.
 *
 * @param outcomes 1 a win, 0 a loss, in between what is undecided
 */
export function lengthControlledRate(outcomes: readonly number[], longer: readonly number[]): number {
  if (outcomes.length === 0 || outcomes.length !== longer.length) {
    throw new EvaluationError(
      "bad-statistics",
      `An outcome and a difference of lengths of each pair are expected; there are ${outcomes.length} and ${longer.length}.`,
    );
  }
  const mean = longer.reduce((sum, d) => sum + d, 0) / longer.length;
  const s = Math.sqrt(longer.reduce((sum, d) => sum + (d - mean) ** 2, 0) / longer.length) || 1;
  const { intercept } = fitLogistic(
    outcomes,
    longer.map((d) => Math.tanh(d / s)),
  );
  return sigmoid(intercept);
}

const precision = 0.01;

/** Newton's method; the objective is strictly concave, and a step that does not raise it is halved. */
export function fitLogistic(
  outcomes: readonly number[],
  xs: readonly number[],
): { readonly intercept: number; readonly slope: number } {
  let [a, b] = [0, 0];
  for (let step = 0; step < 100; step++) {
    let [ga, gb, haa, hab, hbb] = [-precision * a, -precision * b, precision, 0, precision];
    for (const [i, y] of outcomes.entries()) {
      const x = xs[i]!;
      const p = sigmoid(a + b * x);
      const w = p * (1 - p);
      ga += y - p;
      gb += (y - p) * x;
      haa += w;
      hab += w * x;
      hbb += w * x * x;
    }
    const determinant = haa * hbb - hab * hab;
    const [da, db] = [(hbb * ga - hab * gb) / determinant, (haa * gb - hab * ga) / determinant];
    let size = 1;
    const before = objective(outcomes, xs, a, b);
    while (size > 1e-6 && objective(outcomes, xs, a + size * da, b + size * db) < before) size /= 2;
    a += size * da;
    b += size * db;
    if (Math.abs(da) + Math.abs(db) < 1e-12) break;
  }
  return { intercept: a, slope: b };
}

function objective(outcomes: readonly number[], xs: readonly number[], a: number, b: number): number {
  const likelihood = outcomes.reduce((sum, y, i) => {
    const z = a + b * xs[i]!;
    return sum + y * z - Math.max(z, 0) - Math.log1p(Math.exp(-Math.abs(z)));
  }, 0);
  return likelihood - (precision / 2) * (a * a + b * b);
}

function sigmoid(z: number): number {
  return 1 / (1 + Math.exp(-z));
}
