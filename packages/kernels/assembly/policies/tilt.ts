/** Sums over the vocabulary for the search in src/fused/drift-search.ts. */
import { exp } from "./elementwise";

/** Vectors whose sums are float32 before they join float64 ones. */
const together: usize = 64 * 16;

/**
 * Of weights w = e^(pref + γ·δ − largest), δ = pref − base − centre: the largest exponent, Σ w, Σ w·δ and Σ w·δ², in
 * float64 at `to`.
 *
 * @param bytes of a row, a multiple of 16
 */
export function tiltMoments(base: usize, pref: usize, bytes: usize, gamma: f32, centre: f32, to: usize): void {
  const g = f32x4.splat(gamma);
  const c = f32x4.splat(centre);
  let most = f32x4.splat(-Infinity);
  for (let at: usize = 0; at < bytes; at += 16) {
    const p = v128.load(pref + at);
    const delta = f32x4.sub(f32x4.sub(p, v128.load(base + at)), c);
    most = f32x4.max(most, f32x4.add(p, f32x4.mul(g, delta)));
  }
  const largest = max(
    max(f32x4.extract_lane(most, 0), f32x4.extract_lane(most, 1)),
    max(f32x4.extract_lane(most, 2), f32x4.extract_lane(most, 3)),
  );
  most = f32x4.splat(largest);
  let zeroth: f64 = 0, first: f64 = 0, second: f64 = 0;
  for (let start: usize = 0; start < bytes; start += together) {
    const end = min(bytes, start + together);
    let s0 = f32x4.splat(0), s1 = s0, s2 = s0;
    for (let at = start; at < end; at += 16) {
      const p = v128.load(pref + at);
      const delta = f32x4.sub(f32x4.sub(p, v128.load(base + at)), c);
      const w = exp(f32x4.sub(f32x4.add(p, f32x4.mul(g, delta)), most));
      const wd = f32x4.mul(w, delta);
      s0 = f32x4.add(s0, w);
      s1 = f32x4.add(s1, wd);
      s2 = f32x4.add(s2, f32x4.mul(wd, delta));
    }
    zeroth += lanes(s0);
    first += lanes(s1);
    second += lanes(s2);
  }
  store<f64>(to, <f64>largest);
  store<f64>(to, zeroth, 8);
  store<f64>(to, first, 16);
  store<f64>(to, second, 24);
}

@inline
function lanes(x: v128): f64 {
  const a = <f64>f32x4.extract_lane(x, 0) + <f64>f32x4.extract_lane(x, 1);
  return a + <f64>f32x4.extract_lane(x, 2) + <f64>f32x4.extract_lane(x, 3);
}
