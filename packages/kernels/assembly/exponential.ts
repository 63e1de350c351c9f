/**
 * 2^x, of which e^x = 2^(x·log2 e) is made. Constants are globals that the host might change, so that compilers load them: what they
 * know, they make anew at each use, which takes as long as all the rest. Two vectors go together, so that each is loaded once for both.
 */
import { multiplyAdd } from "./multiply-add";

export let log2e: v128 = f32x4.splat(1.44269504088896341);
export let one: v128 = f32x4.splat(1);
export let most: v128 = f32x4.splat(127);
export let least: v128 = f32x4.splat(-126);
/** 1.5·2^23, beside which nothing is left behind the point, and 127, which a float's exponent has more than the power of two. */
export let whole: v128 = f32x4.splat(12583039);
export let p1: v128 = f32x4.splat(0.6931471824645996);
export let p2: v128 = f32x4.splat(0.24022647738456726);
export let p3: v128 = f32x4.splat(0.055503323674201965);
export let p4: v128 = f32x4.splat(0.00961843691766262);
export let p5: v128 = f32x4.splat(0.0013398875016719103);
export let p6: v128 = f32x4.splat(0.00015353361959569156);

/** What {@link exp2Both} made of its second vector. */
export let exp2Second: v128 = f32x4.splat(0);

/**
 * 2^a, and 2^b as `exp2Second`, off by less than a unit in the last place. x = k + f, f from −½ to ½: 2^f is the polynomial of degree 6
 * that is 1 at 0 and whose share of error is smallest, 2e-9 (found by Lawson's weighted least squares). What lies past the normal
 * numbers of float32 becomes the last of them; a NaN stays one.
 */
@inline
export function exp2Both(a: v128, b: v128): v128 {
  // pmin and pmax are one instruction each, and leave a NaN that stands first.
  let c = most;
  a = f32x4.pmin(a, c);
  b = f32x4.pmin(b, c);
  c = least;
  a = f32x4.pmax(a, c);
  b = f32x4.pmax(b, c);
  c = whole;
  // k stands in the last bits.
  const j = f32x4.add(a, c), k = f32x4.add(b, c);
  a = f32x4.sub(a, f32x4.sub(j, c));
  b = f32x4.sub(b, f32x4.sub(k, c));
  let p = p6, q = p;
  c = p5;
  p = multiplyAdd(p, a, c);
  q = multiplyAdd(q, b, c);
  c = p4;
  p = multiplyAdd(p, a, c);
  q = multiplyAdd(q, b, c);
  c = p3;
  p = multiplyAdd(p, a, c);
  q = multiplyAdd(q, b, c);
  c = p2;
  p = multiplyAdd(p, a, c);
  q = multiplyAdd(q, b, c);
  c = p1;
  p = multiplyAdd(p, a, c);
  q = multiplyAdd(q, b, c);
  c = one;
  exp2Second = f32x4.mul(multiplyAdd(q, b, c), i32x4.shl(k, 23));
  return f32x4.mul(multiplyAdd(p, a, c), i32x4.shl(j, 23));
}

/** 2^x. Compilers see that both are one. */
@inline
export function exp2(x: v128): v128 {
  return exp2Both(x, x);
}

/** The exponent of 2 that makes e^(x − largest); what lies near the largest loses nothing in the difference. */
@inline
export function below(x: v128, largest: v128): v128 {
  return f32x4.mul(f32x4.sub(x, largest), log2e);
}
