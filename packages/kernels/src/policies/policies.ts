/**
 * What a step does with rows of the vocabulary once they are there, each as one kernel: what @amulet-ts/core says in tensors,
 * which is what is verified and what these are held to. B: rows · V: tokens.
 */
import { engine, getBackend, type Tensor, type Tensor1D, type Tensor2D } from "@tensorflow/tfjs-core";
import { type DriftSearch, largestGamma, type Moments } from "./drift-search.js";
import { kernelsIn, type Placed, type RowKernels, runOnRows } from "./tfjs-memory.js";

/** Undefined is answered where tensors have to do: gradients are asked for, or rows are not float32. */
export interface Policies {
  /** Normalised rows; a number further than `floor` below its row's largest is lifted to it. */
  normalise(logits_BV: Tensor2D, floor: number): Tensor2D | undefined;
  /** pref + γ (pref − base), normalised. @param gamma for all rows, or `[B, 1]` */
  extrapolate(
    logBase_BV: Tensor2D,
    logPreference_BV: Tensor2D,
    gamma: number | Tensor2D,
    floor: number,
  ): Tensor2D | undefined;
  /** The largest γ within a budget, `[B, 1]`, and its policy. */
  extrapolateWithin(
    logBase_BV: Tensor2D,
    logPreference_BV: Tensor2D,
    search: DriftSearch,
    floor: number,
  ): { readonly logPolicy_BV: Tensor2D; readonly gamma_B1: Tensor2D } | undefined;
  /** The first of each row's largest numbers, and that number, NaN where any is. */
  best(
    logPolicy_BV: Tensor2D,
  ): { readonly column_B: Tensor1D; readonly logProbability_B: Tensor1D } | undefined;
}

/** Undefined where the backend's memory is not to be had. */
export function policiesOf(backend: object): Policies | undefined {
  return kernelsIn(backend) && policies;
}

const policies: Policies = {
  normalise: (logits_BV, floor) =>
    mayRun(logits_BV)
      ? runOnRows([logits_BV], [policyOf(logits_BV)], (kernels, [from], [to]) => {
          for (const [at, x] of rowsOf(logits_BV, to!, from!))
            normalise(kernels, at!, x!, kernels.largestOf(x!, logits_BV.shape[1]), logits_BV.shape[1], floor);
        })[0]
      : undefined,

  extrapolate: (logBase_BV, logPreference_BV, gamma, floor) => {
    const rows = typeof gamma === "number" ? [] : [gamma];
    if (!mayRun(logBase_BV, logPreference_BV, ...rows)) return undefined;
    const tensors = [logBase_BV, logPreference_BV, ...rows];
    const made = [policyOf(logPreference_BV)];
    return runOnRows(tensors, made, (kernels, [base, preference, gammas], [to]) => {
      for (const [b, [at, p, q]] of rowsOf(logPreference_BV, to!, base!, preference!).entries())
        extrapolate(kernels, at!, p!, q!, gammas?.values[b] ?? (gamma as number), logBase_BV.shape[1], floor);
    })[0];
  },

  extrapolateWithin: (logBase_BV, logPreference_BV, search, floor) => {
    if (!mayRun(logBase_BV, logPreference_BV)) return undefined;
    const [B, V] = logPreference_BV.shape;
    const made = [policyOf(logPreference_BV), { shape: [B, 1], dtype: "float32" } as const];
    const work = (
      kernels: RowKernels,
      [base, preference]: readonly Placed[],
      [to, gammas]: readonly Placed[],
    ) => {
      for (const [b, [at, p, q]] of rowsOf(logPreference_BV, to!, base!, preference!).entries()) {
        const gamma = largestGamma(search, (...place) => look(kernels, at!, p!, q!, V, ...place));
        gammas!.values[b] = gamma;
        extrapolate(kernels, at!, p!, q!, gamma, V, floor);
      }
    };
    const [logPolicy_BV, gamma_B1] = runOnRows([logBase_BV, logPreference_BV], made, work);
    return { logPolicy_BV: logPolicy_BV!, gamma_B1: gamma_B1! };
  },

  best: (logPolicy_BV) => {
    if (!mayRun(logPolicy_BV)) return undefined;
    const [B, V] = logPolicy_BV.shape;
    const made = [{ shape: [B], dtype: "int32" } as const, { shape: [B], dtype: "float32" } as const];
    const [column_B, logProbability_B] = runOnRows(
      [logPolicy_BV],
      made,
      (kernels, [from], [columns, logs]) => {
        for (const [b, [x]] of rowsOf(logPolicy_BV, from!).entries()) {
          const largest = kernels.largestOf(x!, V);
          logs!.values[b] = largest;
          columns!.values[b] = kernels.indexOf(x!, V, largest);
        }
      },
    ) as unknown as [Tensor1D, Tensor1D];
    return { column_B, logProbability_B };
  },
};

/** A kernel has no gradient; and another backend's own ways are for it. */
function mayRun(...tensors: readonly Tensor[]): boolean {
  const isWasm = getBackend() === "wasm" && engine().state.gradientDepth === 0;
  return isWasm && tensors.every(({ dtype, size }) => dtype === "float32" && size > 0);
}

const policyOf = ({ shape }: Tensor2D) => ({ shape: [...shape], dtype: "float32" }) as const;

/** The addresses of each row of tensors of one shape. */
function rowsOf({ shape: [B, V] }: Tensor2D, ...tensors: readonly Placed[]): number[][] {
  return Array.from({ length: B }, (_, b) => tensors.map(({ at }) => at + 4 * V * b));
}

function normalise(
  kernels: RowKernels,
  to: number,
  row: number,
  largest: number,
  V: number,
  floor: number,
): void {
  const logZ = Math.log(kernels.sumExponentials(row, V, largest));
  kernels.normaliseTo(to, row, V, largest, floor, logZ);
}

function extrapolate(
  kernels: RowKernels,
  to: number,
  base: number,
  preference: number,
  gamma: number,
  V: number,
  floor: number,
): void {
  normalise(kernels, to, to, kernels.extrapolateTo(to, base, preference, V, gamma), V, floor);
}

/** Σ of weights around the expected normaliser: outside of this, some may have met the ends of float32. */
const [leastSum, mostSum] = [1e-6, 1e18];

/** @param spare a row for what is found on the way */
function look(
  kernels: RowKernels,
  spare: number,
  base: number,
  preference: number,
  V: number,
  gamma: number,
  centre: number,
  logZ: number,
): Moments {
  let shift = Math.fround(logZ);
  kernels.tiltMoments(base, preference, V, gamma, centre, shift);
  if (!(kernels.zeroth.value > leastSum && kernels.zeroth.value < mostSum)) {
    const largest = kernels.extrapolateTo(spare, base, preference, V, gamma);
    shift = Math.fround(largest - gamma * centre);
    kernels.tiltMoments(base, preference, V, gamma, centre, shift);
  }
  const [zeroth, first, second] = [kernels.zeroth.value, kernels.first.value, kernels.second.value];
  const mean = first / zeroth;
  return { mean, variance: Math.max(0, second / zeroth - mean * mean), logZ: shift + Math.log(zeroth) };
}
