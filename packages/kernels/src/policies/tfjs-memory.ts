/** Kernels in the memory of TensorFlow.js' backend wasm itself, over tensors where they lie: nothing is copied. */

import {
  engine,
  type KernelFunc,
  registerKernel,
  type Tensor,
  type Tensor2D,
  type TensorInfo,
} from "@tensorflow/tfjs-core";
import * as binary from "#binary";
import { hasRelaxedSimd, makeModule } from "../memory/relaxed-simd.js";
import { bytesOf, Instance, type WasmMemory, type WasmModule } from "../memory/webassembly.js";

/** What assembly/policies/index.ts exports; rows are addresses. */
export interface RowKernels {
  largestOf(row: number, count: number): number;
  indexOf(row: number, count: number, value: number): number;
  sumExponentials(row: number, count: number, largest: number): number;
  normaliseTo(to: number, row: number, count: number, largest: number, floor: number, logZ: number): void;
  extrapolateTo(to: number, base: number, preference: number, count: number, gamma: number): number;
  tiltMoments(
    base: number,
    preference: number,
    count: number,
    gamma: number,
    centre: number,
    shift: number,
  ): void;
  /** Of {@link tiltMoments}. */
  readonly zeroth: { readonly value: number };
  readonly first: { readonly value: number };
  readonly second: { readonly value: number };
}

/** What is needed of tfjs-backend-wasm's backend class. */
interface WasmBackend {
  /** Emscripten's module, where it has a memory of its own. */
  readonly wasm: { readonly asm?: { readonly memory?: WasmMemory } };
  readonly dataIdMap: { get(dataId: object): { readonly memoryOffset: number } };
  makeOutput(shape: number[], dtype: Made["dtype"]): TensorInfo;
  typedArrayFromHeap(tensor: TensorInfo): Float32Array | Int32Array;
}

/** A result, made before the work. */
export interface Made {
  readonly shape: readonly number[];
  readonly dtype: "float32" | "int32";
}

/** Where a tensor lies, and its numbers, until something is made. */
export interface Placed {
  readonly at: number;
  readonly values: Float32Array | Int32Array;
}

export type RowWork = (kernels: RowKernels, inputs: readonly Placed[], results: readonly Placed[]) => void;

const kernelName = "AmuletRows";

const runInPlace: KernelFunc = ({ inputs, backend: anyBackend, attrs }) => {
  const backend = anyBackend as WasmBackend;
  const { makes, work } = attrs as unknown as { readonly makes: readonly Made[]; readonly work: RowWork };
  const outputs = makes.map(({ shape, dtype }) => backend.makeOutput([...shape], dtype));
  // Looked at when all is made: making may grow the memory.
  const place = (tensor: TensorInfo): Placed => ({
    at: backend.dataIdMap.get(tensor.dataId).memoryOffset,
    values: backend.typedArrayFromHeap(tensor) as Float32Array,
  });
  const given = Object.values(inputs as Record<string, TensorInfo>).map(place);
  work(kernelsIn(anyBackend as object)!, given, outputs.map(place));
  return outputs;
};

/** Makes TensorFlow.js know the kernel. */
export function registerRowKernel(): void {
  registerKernel({ kernelName, backendName: "wasm", kernelFunc: runInPlace });
}

/** Runs work on tensors of the backend wasm. */
export function runOnRows(tensors: readonly Tensor[], makes: readonly Made[], work: RowWork): Tensor2D[] {
  const inputs = Object.fromEntries(tensors.map((tensor, i) => [`x${i}`, tensor]));
  return engine().runKernel(kernelName, inputs, { makes, work } as never) as unknown as Tensor2D[];
}

let compiled: WasmModule | undefined;
const instances = new WeakMap<object, RowKernels | { readonly isNone: true }>();

/** Undefined where the backend's memory is not to be had, or is shared. */
export function kernelsIn(backend: object): RowKernels | undefined {
  const known = instances.get(backend) ?? instantiate(backend as WasmBackend) ?? { isNone: true };
  instances.set(backend, known);
  return "isNone" in known ? undefined : known;
}

function instantiate({ wasm }: WasmBackend): RowKernels | undefined {
  const memory = wasm?.asm?.memory;
  if (!memory) return undefined;
  try {
    compiled ??= makeModule(bytesOf(hasRelaxedSimd() ? binary.policiesRelaxed : binary.policies));
    return new Instance(compiled, { env: { memory } }).exports as RowKernels;
  } catch {
    // Of another kind than the one that the code was made for.
    return undefined;
  }
}
