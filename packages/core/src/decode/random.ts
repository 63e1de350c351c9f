import { checkGiven, finite } from "../port/given.js";

/** A stream of numbers in [0, 1), the same on every machine for the same seed. */
export type RandomStream = () => number;

/**
 * xoshiro128** 1.1 (Blackman and Vigna, 2018), seeded through SplitMix32 so that nearby seeds give unrelated
 * streams. 32 random bits a draw. Its first draws are fixed by a test: a seed means the same text for ever.
 *
 * @param seed a whole number; only its low 32 bits count
 */
export function xoshiro128(seed: number): RandomStream {
  checkGiven(seed, finite, "The seed", "bad-sampling");
  const state = Uint32Array.from({ length: 4 }, splitMix32(seed));
  return () => {
    const result = Math.imul(rotateLeft(Math.imul(state[1]!, 5), 7), 9) >>> 0;
    const shifted = state[1]! << 9;
    state[2]! ^= state[0]!;
    state[3]! ^= state[1]!;
    state[1]! ^= state[2]!;
    state[0]! ^= state[3]!;
    state[2]! ^= shifted;
    state[3] = rotateLeft(state[3]!, 11);
    return result / 2 ** 32;
  };
}

/** SplitMix with a 32-bit state and MurmurHash3's finaliser. */
function splitMix32(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let mixed = state;
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    return (mixed ^ (mixed >>> 16)) >>> 0;
  };
}

function rotateLeft(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}
