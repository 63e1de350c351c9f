/** Sums over the vocabulary for the search in src/policies/drift-search.ts. */
import { exp } from "../exponential";
import { loadLast, together } from "./rows";

/** What {@link tiltMoments} found: Σ w, Σ w·δ, Σ w·δ². */
export let zeroth: f64 = 0;
export let first: f64 = 0;
export let second: f64 = 0;

/** Σ w, Σ w·δ and Σ w·δ² of weights w = e^(pref + γ·δ − shift), δ = pref − base − centre, in float64. */
export function tiltMoments(base: usize, pref: usize, count: i32, gamma: f32, centre: f32, shift: f32): void {
  const end = pref + (<usize>count << 2);
  const whole = pref + (<usize>(count & ~3) << 2);
  const g = f32x4.splat(gamma), c = f32x4.splat(centre), s = f32x4.splat(shift);
  zeroth = 0;
  first = 0;
  second = 0;
  for (let at = pref; at < end; ) {
    const stop = min(whole, at + together);
    let s0 = f32x4.splat(0), s1 = s0, s2 = s0;
    for (; at < stop; at += 16, base += 16) {
      const p = v128.load(at);
      const delta = f32x4.sub(f32x4.sub(p, v128.load(base)), c);
      const w = exp(f32x4.sub(f32x4.add(p, f32x4.mul(g, delta)), s));
      const wd = f32x4.mul(w, delta);
      s0 = f32x4.add(s0, w);
      s1 = f32x4.add(s1, wd);
      s2 = f32x4.add(s2, f32x4.mul(wd, delta));
    }
    if (at == whole && at < end) {
      // What is missing of a vector has no weight.
      const known = i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(<i32>((end - at) >> 2)));
      const p = loadLast(at, end, 0);
      const delta = f32x4.sub(f32x4.sub(p, loadLast(base, base + (end - at), 0)), c);
      const w = v128.and(exp(f32x4.sub(f32x4.add(p, f32x4.mul(g, delta)), s)), known);
      const wd = f32x4.mul(w, delta);
      s0 = f32x4.add(s0, w);
      s1 = f32x4.add(s1, wd);
      s2 = f32x4.add(s2, f32x4.mul(wd, delta));
      at = end;
    }
    zeroth += lanes(s0);
    first += lanes(s1);
    second += lanes(s2);
  }
}

@inline
function lanes(x: v128): f64 {
  const a = <f64>f32x4.extract_lane(x, 0) + <f64>f32x4.extract_lane(x, 1);
  return a + <f64>f32x4.extract_lane(x, 2) + <f64>f32x4.extract_lane(x, 3);
}
