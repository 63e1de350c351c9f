/**
 * Bounded Amulet's search for the largest γ within a budget, by one kernel for each look at the vocabulary and float64 in
 * between. It takes the steps of `largestGammaWithin` of @amulet-ts/core, where they are explained; that form, in tensors,
 * is what is verified, and what this one is held to.
 */
import type { Tensor2D } from "@tensorflow/tfjs-core";
import type { Pool } from "../pool/pool.js";
import { withScratch } from "./operations.js";
import { runOnTensors } from "./tensors.js";

/** What the search may do; the words are core's. */
export interface DriftSearch {
  /** Nats that are not exceeded. */
  readonly limit: number;
  /** Nats that are aimed at. */
  readonly wanted: number;
  readonly largestGamma: number;
  /** Looks at the vocabulary. */
  readonly passes: number;
}

/** E[δ], Var(δ) and the log of the normaliser, at some γ. */
interface Moments {
  readonly mean: number;
  readonly variance: number;
  readonly logZ: number;
}

/** γ of each row, `[B, 1]`. */
export function searchDrift(
  pool: Pool,
  logBase_BV: Tensor2D,
  logPreference_BV: Tensor2D,
  search: DriftSearch,
): Tensor2D {
  const [B, V] = logBase_BV.shape;
  const work = withScratch(pool, (scratch, [base, preference]) => {
    const rows = [scratch.put(base!, B), scratch.put(preference!, B)] as const;
    const [{ rowBytes }] = rows;
    // What a row is padded with has no weight.
    for (const { at } of rows)
      for (let b = 0; b < B; b++) pool.heap.floats(at + b * rowBytes + 4 * V, rowBytes / 4 - V).fill(-1e4);
    const to = scratch.floats(8);
    const gammas = Float32Array.from({ length: B }, (_, b) => {
      const [baseAt, preferenceAt] = rows.map(({ at }) => at + b * rowBytes) as [number, number];
      return largestGamma(search, (gamma, centre) => {
        pool.kernels.tiltMoments(baseAt, preferenceAt, rowBytes, gamma, centre, to);
        const [largest, zeroth, first, second] = new Float64Array(pool.heap.bytes.buffer, to, 4);
        const mean = first! / zeroth!;
        const variance = Math.max(0, second! / zeroth! - mean * mean);
        return { mean, variance, logZ: largest! + Math.log(zeroth!) };
      });
    });
    return [{ shape: [B, 1], values: gammas }];
  });
  return runOnTensors([logBase_BV, logPreference_BV], work)[0]!;
}

function largestGamma(
  { limit, wanted, largestGamma, passes }: DriftSearch,
  lookAt: (gamma: number, centre: number) => Moments,
): number {
  const start = lookAt(0, 0);
  const centre = Math.fround(start.mean);
  let [low, high] = [0, 2 * largestGamma];
  let gamma = Math.fround(Math.min(Math.sqrt((2 * wanted) / (start.variance + tiny)), largestGamma));
  for (let pass = 2; pass <= passes; pass++) {
    const { mean, variance, logZ } = lookAt(gamma, centre);
    const drift = gamma * mean - (logZ - start.logZ);
    // What is no number is over.
    const isOver = !(drift <= limit);
    if (isOver) high = gamma;
    else low = Math.max(low, gamma);
    gamma = Math.fround(step({ gamma, mean, variance, drift, isOver }, { low, high, wanted, largestGamma }));
  }
  return low;
}

const tiny = 1e-20;

/** Newton's step for log KL over log γ, not below the knee, and not past a point that was over. */
function step(
  point: Omit<Moments, "logZ"> & { readonly gamma: number; readonly drift: number; readonly isOver: boolean },
  bounds: Pick<DriftSearch, "wanted" | "largestGamma"> & { readonly low: number; readonly high: number },
): number {
  const { gamma, mean, variance, drift, isOver } = point;
  const { low, high, wanted, largestGamma } = bounds;
  const positive = Math.min(Math.max(drift, 1e-12), 1e12);
  const missing = Math.log(wanted / positive);
  const curved = 0.1 * Math.min(missing * missing, 1);
  const exponent = ((missing - curved) * positive) / (gamma * gamma * variance + tiny);
  const newton = Math.min(gamma * Math.exp(Math.min(Math.max(exponent, -80), 80)), largestGamma);
  const knee = isOver ? (0.8 * positive) / Math.max(mean, tiny) : 0;
  const next = Math.max(newton, low, knee);
  return next < high ? next : (low + high) / 2;
}
