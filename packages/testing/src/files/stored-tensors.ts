/** Tensors of random bytes in every type that is read, for a file that holds them. */

import { ggufTensorTypes, type TensorType } from "@amulet-ts/files";
import { type WrittenTensor, writeGguf } from "./checkpoint-writer.js";

/** GGUF's number for each type, and the type. */
export const storedTypes: readonly (readonly [name: string, id: number, type: TensorType])[] = [
  ...ggufTensorTypes,
].map(([id, type]) => [type.name, id, type]);

/** Random bytes of so many blocks, each drawn again until its numbers are finite. */
export function drawBlocks(type: TensorType, blockCount: number, seed: number): Buffer {
  const bytes = Buffer.alloc(blockCount * type.bytesPerBlock);
  const numbers = new Float32Array(type.blockSize);
  const draw = generator(seed);
  for (let block = 0; block < blockCount; block++) {
    const own = bytes.subarray(block * type.bytesPerBlock, (block + 1) * type.bytesPerBlock);
    do {
      for (let at = 0; at < own.length; at++) own[at] = draw() >>> 24;
      type.decode(own, numbers);
    } while (!numbers.every(Number.isFinite));
  }
  return bytes;
}

/** A tensor `[rows, blocksInRow · block]`. */
export function drawTensor(id: number, rows: number, blocksInRow: number, seed: number): WrittenTensor {
  const type = ggufTensorTypes.get(id)!;
  const data = drawBlocks(type, rows * blocksInRow, seed);
  return { name: type.name, shape: [rows, blocksInRow * type.blockSize], type: id, data };
}

export const fileOf = (...tensors: readonly WrittenTensor[]): Buffer => writeGguf({ tensors });

/** Numerical Recipes' linear congruences, 32 bits at a time. */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state;
  };
}
