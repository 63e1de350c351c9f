/**
 * Weights whose outputs stand side by side as one: slices of a matrix that is larger than a tensor of the backend may be
 * (WebGPU promises buffers of 128 MiB), or tensors of a file, each of its own type. Letters as in weight.ts.
 */
import { gather, type Tensor2D, tensor1d } from "@tensorflow/tfjs-core";
import { concat } from "../layers/direct.js";
import type { KernelPart, Weight } from "./weight.js";

/** @param parts in the order of their outputs; the whole's from now on */
export function joinWeights(parts: readonly Weight[]): Weight {
  return parts.length === 1 ? parts[0]! : new JoinedWeight(parts);
}

class JoinedWeight implements Weight {
  constructor(private readonly parts: readonly Weight[]) {}

  get inputs(): number {
    return this.parts[0]!.inputs;
  }

  get outputs(): number {
    return this.parts.reduce((sum, { outputs }) => sum + outputs, 0);
  }

  get storedType(): string {
    return [...new Set(this.parts.map(({ storedType }) => storedType))].join(", ");
  }

  get bytes(): number {
    return this.parts.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  get productError(): number {
    return Math.max(...this.parts.map(({ productError = 0 }) => productError));
  }

  get kernelParts(): readonly KernelPart[] | undefined {
    const parts = this.parts.map(({ kernelParts }) => kernelParts);
    return parts.every((part) => part !== undefined) ? parts.flat() : undefined;
  }

  multiply(x_NI: Tensor2D): Tensor2D {
    return concat(
      this.parts.map((part) => part.multiply(x_NI)),
      1,
    );
  }

  lookUp(ids_N: Int32Array): Tensor2D {
    const found: Tensor2D[] = [];
    const places_N = new Int32Array(ids_N.length);
    let first = 0;
    let placed = 0;
    for (const part of this.parts) {
      const end = first + part.outputs;
      const ids = ids_N.filter((id) => id >= first && id < end).map((id) => id - first);
      if (ids.length > 0) found.push(part.lookUp(ids));
      for (const [n, id] of ids_N.entries()) if (id >= first && id < end) places_N[n] = placed++;
      first = end;
    }
    // Those of one part came together; each goes back to its place.
    return gather(concat(found, 0), tensor1d(places_N, "int32"));
  }

  dispose(): void {
    for (const part of this.parts) part.dispose();
  }
}
