/** Kernels for TensorFlow.js' backend webgpu, as a loader finds them. */
import { backend } from "@tensorflow/tfjs-core";
import { leaveAtBackend } from "../at-backend.js";
import { storedTypes } from "../stored-types.js";
import { mostBytesOf, webGpuBackend } from "./backend.js";
import { registerKernels } from "./card.js";
import { type FusedOnCard, fuseOnCard } from "./fused/fuse.js";
import { PackedWeight } from "./packed-weight.js";

/** What a loader gets. */
export interface PackedKernels {
  /** The types that are multiplied as they are, in the words of files. */
  readonly storedTypes: readonly string[];
  /** What is held now: weights and pages of caches. */
  readonly heldBytes: number;
  /**
   * Room for a weight `[outputs, inputs]`, to be written and then used.
   *
   * @throws KernelsError `bad-weight` for rows that are no whole blocks
   */
  hold(storedType: string, outputs: number, inputs: number): PackedWeight;
  /** Operations that do several things at once, with caches of their own: those of one model. */
  fuse(): FusedOnCard;
}

/** Leaves kernels at the backend that runs now, which is TensorFlow.js' webgpu. */
export function leaveKernelsAtBackend(): PackedKernels {
  registerKernels();
  const owner = backend();
  const kernels = made.get(owner) ?? makeKernels();
  made.set(owner, kernels);
  leaveAtBackend(kernels);
  return kernels;
}

/** A backend that is started again keeps its kernels, and their account. */
const made = new WeakMap<object, PackedKernels>();

function makeKernels(): PackedKernels {
  const held = new Set<{ readonly bytes: number }>();
  return {
    storedTypes: [...storedTypes.keys()],
    get heldBytes() {
      return [...held].reduce((sum, { bytes }) => sum + bytes, 0);
    },
    hold: (storedType, outputs, inputs) => {
      const type = storedTypes.get(storedType)!;
      const weight = new PackedWeight(type, outputs, inputs, mostBytesOf(webGpuBackend()), () =>
        held.delete(weight),
      );
      held.add(weight);
      return weight;
    },
    fuse: () =>
      fuseOnCard((pages) => {
        if (pages.bytes > 0) held.add(pages);
        else held.delete(pages);
      }),
  };
}
