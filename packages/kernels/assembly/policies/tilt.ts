/** Sums over the vocabulary for the search in src/policies/drift-search.ts. */
import { exp2, exp2Both, exp2Second, log2e } from "../exponential";
import { multiplyAdd } from "../multiply-add";
import { together } from "./rows";

/** What {@link tiltMoments} found: Σ w, Σ w·δ, Σ w·δ². */
export let zeroth: f64 = 0;
export let first: f64 = 0;
export let second: f64 = 0;

/** Σ w, Σ w·δ and Σ w·δ² of weights w = e^(pref + γ·δ − shift), δ = pref − base − centre, in float64. */
export function tiltMoments(base: usize, pref: usize, count: i32, gamma: f32, centre: f32, shift: f32): void {
  const g = f32x4.mul(f32x4.splat(gamma), log2e), c = f32x4.splat(centre), s = f32x4.mul(f32x4.splat(-shift), log2e);
  const end = pref + (<usize>count << 2);
  const whole = pref + (<usize>(count & ~7) << 2);
  zeroth = 0;
  first = 0;
  second = 0;
  while (pref < whole) {
    const stop = min(whole, pref + together);
    let s0 = f32x4.splat(0), s1 = s0, s2 = s0;
    // Tested at its end, so that compilers keep the sums in registers.
    do {
      const p = v128.load(pref), q = v128.load(pref, 16);
      const d = f32x4.sub(f32x4.sub(p, v128.load(base)), c), e = f32x4.sub(f32x4.sub(q, v128.load(base, 16)), c);
      const v = exp2Both(exponent(p, d, g, s), exponent(q, e, g, s)), w = exp2Second;
      const vd = f32x4.mul(v, d), we = f32x4.mul(w, e);
      s0 = f32x4.add(s0, f32x4.add(v, w));
      s1 = f32x4.add(s1, f32x4.add(vd, we));
      s2 = multiplyAdd(vd, d, multiplyAdd(we, e, s2));
      pref += 32;
      base += 32;
    } while (pref < stop);
    zeroth += lanes(s0);
    first += lanes(s1);
    second += lanes(s2);
  }
  for (; pref < end; pref += 4, base += 4) {
    const p = f32x4.splat(load<f32>(pref));
    const d = f32x4.sub(f32x4.sub(p, f32x4.splat(load<f32>(base))), c);
    const w = <f64>f32x4.extract_lane(exp2(exponent(p, d, g, s)), 0), delta = <f64>f32x4.extract_lane(d, 0);
    zeroth += w;
    first += w * delta;
    second += w * delta * delta;
  }
}

/** Of 2; g, s: γ and −shift for powers of 2. */
@inline
function exponent(pref: v128, delta: v128, g: v128, s: v128): v128 {
  return multiplyAdd(g, delta, multiplyAdd(pref, log2e, s));
}

@inline
function lanes(x: v128): f64 {
  const a = <f64>f32x4.extract_lane(x, 0) + <f64>f32x4.extract_lane(x, 1);
  return a + <f64>f32x4.extract_lane(x, 2) + <f64>f32x4.extract_lane(x, 3);
}
