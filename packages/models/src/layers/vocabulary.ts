/**
 * Matrices as long as the vocabulary: the embedding `[V, D]` and the output head `[D, V]`. They are by far a model's
 * largest, and a backend may bound a tensor (WebGPU promises buffers of 128 MiB); there the loader cuts them along V.
 *
 * L: tokens of one slice.
 */
import { gather, type Tensor2D, tensor1d } from "@tensorflow/tfjs-core";
import { concat, matMul } from "./direct.js";

/** One tensor, or its slices along V in their order. */
export type VocabularyMatrix = Tensor2D | readonly Tensor2D[];

/** The rows of an embedding `[V, D]` that tokens have: `[N, D]`. */
export function embed(embedding_VD: VocabularyMatrix, ids_N: Int32Array): Tensor2D {
  const slices = slicesOf(embedding_VD);
  if (slices.length === 1) return gather(slices[0]!, tensor1d(ids_N, "int32"));
  const gathered: Tensor2D[] = [];
  const places_N = new Int32Array(ids_N.length);
  let first = 0;
  let placed = 0;
  for (const slice_LD of slices) {
    const end = first + slice_LD.shape[0];
    const ids = ids_N.filter((id) => id >= first && id < end).map((id) => id - first);
    if (ids.length > 0) gathered.push(gather(slice_LD, tensor1d(ids, "int32")));
    for (const [n, id] of ids_N.entries()) if (id >= first && id < end) places_N[n] = placed++;
    first = end;
  }
  // Tokens of one slice came together; each goes back to its place.
  return gather(concat(gathered, 0), tensor1d(places_N, "int32"));
}

/** The product of states `[N, D]` with an output head `[D, V]`: logits `[N, V]`. */
export function readOut(states_ND: Tensor2D, head_DV: VocabularyMatrix): Tensor2D {
  return concat(
    slicesOf(head_DV).map((slice_DL) => matMul(states_ND, slice_DL)),
    1,
  );
}

function slicesOf(matrix: VocabularyMatrix): readonly Tensor2D[] {
  return Array.isArray(matrix) ? matrix : [matrix as Tensor2D];
}
