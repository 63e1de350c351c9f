/** Kernels for TensorFlow.js' backend webgpu, as a loader finds them. */
import { backend } from "@tensorflow/tfjs-core";
import { leaveAtBackend } from "../at-backend.js";
import { KernelsError } from "../errors.js";
import { storedTypes } from "../stored-types.js";
import { mostBytesOf, webGpuBackend } from "./backend.js";
import { registerKernels } from "./card.js";
import { type FusedOnCard, fuseOnCard } from "./fused/fuse.js";
import { PackedWeight } from "./packed-weight.js";
import type { Precision } from "./wgsl/precision.js";

export interface PackedKernelOptions {
  /** In which numbers products multiply; sums are float32 either way. Default: f32, the file's own numbers. */
  readonly precision?: Precision | undefined;
}

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

/**
 * Leaves kernels at the backend that runs now, which is TensorFlow.js' webgpu.
 *
 * @throws KernelsError `no-f16` for that precision where the device lacks the feature `shader-f16`
 */
export function leaveKernelsAtBackend({ precision = "f32" }: PackedKernelOptions = {}): PackedKernels {
  if (precision === "f16" && !webGpuBackend().device.features.has("shader-f16"))
    throw new KernelsError(
      "no-f16",
      "Products in f16 need a device with WebGPU's feature shader-f16, which the one that runs does not have: " +
        "leave the precision at f32.",
    );
  registerKernels();
  const owner = backend();
  const ofBackend = made.get(owner) ?? new Map<Precision, PackedKernels>();
  made.set(owner, ofBackend);
  const kernels = ofBackend.get(precision) ?? makeKernels(precision);
  ofBackend.set(precision, kernels);
  leaveAtBackend(kernels);
  return kernels;
}

/** A backend that is started again keeps its kernels, and their account. */
const made = new WeakMap<object, Map<Precision, PackedKernels>>();

function makeKernels(precision: Precision): PackedKernels {
  const held = new Set<{ readonly bytes: number }>();
  return {
    storedTypes: [...storedTypes.keys()],
    get heldBytes() {
      return [...held].reduce((sum, { bytes }) => sum + bytes, 0);
    },
    hold: (storedType, outputs, inputs) => {
      const type = storedTypes.get(storedType)!;
      const mostBytes = mostBytesOf(webGpuBackend());
      const onDispose = () => held.delete(weight);
      const weight: PackedWeight = new PackedWeight(type, outputs, inputs, mostBytes, precision, onDispose);
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
