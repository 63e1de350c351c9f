/** A weight in float32 on the backend. Letters as in weight.ts. */
import { dispose, gather, type Tensor2D, tensor1d } from "@tensorflow/tfjs-core";
import { matMul, matMulTurned, transpose } from "../layers/direct.js";
import { fastProducts } from "../layers/fast-products.js";
import type { Weight } from "./weight.js";

/** What a weight is for: a tied embedding for both. */
export interface WeightUses {
  readonly multiplied: boolean;
  readonly lookedUp: boolean;
}

/** One matrix, in either order. */
export type WeightTensor =
  /** As products want it. */
  | { readonly columns_IO: Tensor2D }
  /** As look-ups want it, and most files have it. */
  | { readonly rows_OI: Tensor2D };

/**
 * In which order a weight lies. One that is looked up and multiplied with, a tied embedding, lies by rows only where the
 * backend multiplies by these as fast; where it does not, rows are gathered from the columns, 0.05 ms a token and not
 * a second copy.
 */
export function liesByRows({ multiplied, lookedUp }: WeightUses): boolean {
  return lookedUp && (!multiplied || fastProducts().turned);
}

export class TensorWeight implements Weight {
  readonly storedType = "F32";

  /** @param tensor the weight's from now on, until it is disposed */
  constructor(private readonly tensor: WeightTensor) {}

  get inputs(): number {
    return "rows_OI" in this.tensor ? this.tensor.rows_OI.shape[1] : this.tensor.columns_IO.shape[0];
  }

  get outputs(): number {
    return "rows_OI" in this.tensor ? this.tensor.rows_OI.shape[0] : this.tensor.columns_IO.shape[1];
  }

  get bytes(): number {
    return 4 * this.inputs * this.outputs;
  }

  multiply(x_NI: Tensor2D): Tensor2D {
    if ("rows_OI" in this.tensor) return multiplyByRows(x_NI, this.tensor.rows_OI);
    return matMul(x_NI, this.tensor.columns_IO);
  }

  lookUp(ids_N: Int32Array): Tensor2D {
    const places_N = tensor1d(ids_N, "int32");
    if ("rows_OI" in this.tensor) return gather(this.tensor.rows_OI, places_N);
    return transpose(gather(this.tensor.columns_IO, places_N, 1));
  }

  dispose(): void {
    dispose("rows_OI" in this.tensor ? this.tensor.rows_OI : this.tensor.columns_IO);
  }
}

/** The product of states with a matrix that lies as `[out, in]`. */
export function multiplyByRows(x_NI: Tensor2D, rows_OI: Tensor2D): Tensor2D {
  return fastProducts().turned ? matMulTurned(x_NI, rows_OI) : matMul(x_NI, transpose(rows_OI));
}
