/**
 * e^x of four numbers. Its constants are globals that the host might change, so that compilers load them: what they know, they make
 * anew at each use, which takes as long as all the rest.
 */
import { multiplyAdd } from "./multiply-add";

export let one: v128 = f32x4.splat(1);
export let most: v128 = f32x4.splat(88);
export let least: v128 = f32x4.splat(-87);
export let log2e: v128 = f32x4.splat(1.44269504088896341);
/** 1.5·2^23: beside it nothing is left behind the point. */
export let whole: v128 = f32x4.splat(12582912);
/** ln 2 in two parts, of which a whole number times the first is exact, below zero. */
export let ln2: v128 = f32x4.splat(-0.693359375);
export let ln2Rest: v128 = f32x4.splat(2.12194440e-4);
export let p0: v128 = f32x4.splat(1.9875691500e-4);
export let p1: v128 = f32x4.splat(1.3981999507e-3);
export let p2: v128 = f32x4.splat(8.3334519073e-3);
export let p3: v128 = f32x4.splat(4.1665795894e-2);
export let p4: v128 = f32x4.splat(1.6666665459e-1);
export let p5: v128 = f32x4.splat(5.0000001201e-1);
export let bias: v128 = i32x4.splat(127);

/** 2^k times a polynomial of the rest; off by less than two units in the last place (Cephes' expf). */
@inline
export function exp(x: v128): v128 {
  // pmin and pmax are one instruction each, and leave a NaN that stands first.
  const bounded = f32x4.pmax(f32x4.pmin(x, most), least);
  // k stands in the last bits.
  const shifted = multiplyAdd(bounded, log2e, whole);
  const k = f32x4.sub(shifted, whole);
  const r = multiplyAdd(k, ln2Rest, multiplyAdd(k, ln2, bounded));
  let p = multiplyAdd(p0, r, p1);
  p = multiplyAdd(p, r, p2);
  p = multiplyAdd(p, r, p3);
  p = multiplyAdd(p, r, p4);
  p = multiplyAdd(p, r, p5);
  const sum = f32x4.add(multiplyAdd(p, f32x4.mul(r, r), r), one);
  return f32x4.mul(sum, i32x4.shl(i32x4.add(shifted, bias), 23));
}
