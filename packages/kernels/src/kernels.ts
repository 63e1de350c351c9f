/** Kernels that stand beside a backend of TensorFlow.js, and where a loader finds them. */
import { backend } from "@tensorflow/tfjs-core";
import { leaveAtBackend } from "./at-backend.js";
import { type FusedOperations, fuseIn } from "./fused/fuse.js";
import { type Policies, policiesOf } from "./policies/policies.js";
import { canShareMemory, Pool } from "./pool/pool.js";
import { storedTypes } from "./stored-types.js";
import { KernelWeight } from "./weights/kernel-weight.js";

export interface KernelOptions {
  /** How many threads may work at once, the caller's own among them. */
  readonly threads: number;
}

/** What a loader gets. */
export interface StoredKernels {
  /** Threads that work; one where memory can't be shared. */
  readonly threads: number;
  /** The types that are multiplied as they are, in the words of files. */
  readonly storedTypes: readonly string[];
  /** What is held now: weights and pages of caches. */
  readonly heldBytes: number;
  /**
   * Room for a weight `[outputs, inputs]`, to be written and then used.
   *
   * @throws KernelsError `out-of-memory`, and `bad-weight` for rows that are no whole blocks
   */
  hold(storedType: string, outputs: number, inputs: number): KernelWeight;
  /** Operations that do several things at once, in the memory of a weight; all weights they get lie there. */
  fuse(weight: KernelWeight): FusedOperations;
  /** What core does with rows of the vocabulary, in the backend's own memory; undefined where that is not to be had. */
  readonly policies: Policies | undefined;
}

/** Leaves kernels at the backend that runs now, which is TensorFlow.js' wasm. {@link registerKernels} was called. */
export function leaveKernelsAtBackend(options: KernelOptions): StoredKernels {
  const kernels = kernelsOf(backend(), options);
  leaveAtBackend(kernels);
  return kernels;
}

/** A backend that is started again keeps its kernels: two models share one memory and its threads. */
const made = new WeakMap<object, Map<number, StoredKernels>>();

function kernelsOf(owner: object, options: KernelOptions): StoredKernels {
  const ofBackend = made.get(owner) ?? new Map<number, StoredKernels>();
  made.set(owner, ofBackend);
  const kernels = ofBackend.get(options.threads) ?? makeKernels(owner, options);
  ofBackend.set(options.threads, kernels);
  return kernels;
}

/** Memory and threads are there while a weight is. */
function makeKernels(owner: object, { threads }: KernelOptions): StoredKernels {
  let pool: Pool | undefined;
  return {
    threads: canShareMemory() ? threads : 1,
    storedTypes: [...storedTypes.keys()],
    get heldBytes() {
      return pool?.heldBytes ?? 0;
    },
    hold: (storedType, outputs, inputs) => {
      if (!pool?.isOpen) pool = new Pool(threads);
      return new KernelWeight(pool, storedTypes.get(storedType)!, outputs, inputs);
    },
    fuse: (weight) => fuseIn(weight.pool),
    policies: policiesOf(owner),
  };
}
