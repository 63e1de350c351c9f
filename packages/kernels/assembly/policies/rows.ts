/** Rows of log-policies: their largest, their normaliser, what an extrapolation makes of two. */
import { sumOf } from "../elementwise";
import { below, exp2, exp2Both, exp2Second } from "../exponential";
import { multiplyAdd } from "../multiply-add";

/** Vectors whose sums are float32 before they join float64 ones. */
export const together: usize = 64 * 16;

/** The last numbers of a row, fewer than four, and `rest` in the place of those that are missing. */
@inline
export function loadLast(at: usize, end: usize, rest: f32): v128 {
  let x = f32x4.replace_lane(f32x4.splat(rest), 0, load<f32>(at));
  if (at + 4 < end) x = f32x4.replace_lane(x, 1, load<f32>(at + 4));
  if (at + 8 < end) x = f32x4.replace_lane(x, 2, load<f32>(at + 8));
  return x;
}

@inline
function storeLast(at: usize, end: usize, x: v128): void {
  store<f32>(at, f32x4.extract_lane(x, 0));
  if (at + 4 < end) store<f32>(at + 4, f32x4.extract_lane(x, 1));
  if (at + 8 < end) store<f32>(at + 8, f32x4.extract_lane(x, 2));
}

/** Of four numbers that are none of them NaN. */
@inline
export function largestLane(x: v128): f32 {
  const pairs = f32x4.pmax(x, i64x2.shuffle(x, x, 1, 0));
  return f32x4.extract_lane(f32x4.pmax(pairs, i32x4.shuffle(pairs, pairs, 1, 0, 3, 2)), 0);
}

/** NaN where any number is. (`pmax` passes over one that stands second, and is an instruction where `max` is seven.) */
export function largestOf(row: usize, count: i32): f32 {
  const end = row + (<usize>count << 2);
  const whole = row + (<usize>(count & ~7) << 2);
  let a = f32x4.splat(-Infinity), b = a;
  let isNone = i32x4.splat(0);
  let at = row;
  for (; at < whole; at += 32) {
    const x = v128.load(at), y = v128.load(at, 16);
    isNone = v128.or(isNone, v128.or(f32x4.ne(x, x), f32x4.ne(y, y)));
    a = f32x4.pmax(a, x);
    b = f32x4.pmax(b, y);
  }
  for (; at < end; at += 4) {
    const x = f32x4.splat(load<f32>(at));
    isNone = v128.or(isNone, f32x4.ne(x, x));
    a = f32x4.pmax(a, x);
  }
  return v128.any_true(isNone) ? NaN : largestLane(f32x4.pmax(a, b));
}

/** Where `value` first stands; -1 where it does not. */
export function indexOf(row: usize, count: i32, value: f32): i32 {
  const end = row + (<usize>count << 2);
  const wanted = f32x4.splat(value);
  let at = row;
  while (at + 16 <= end && !v128.any_true(f32x4.eq(v128.load(at), wanted))) at += 16;
  for (; at < end; at += 4) if (load<f32>(at) == value) return <i32>((at - row) >> 2);
  return -1;
}

/** Σ e^(x − largest). */
export function sumExponentials(row: usize, count: i32, largest: f32): f64 {
  const end = row + (<usize>count << 2);
  const whole = row + (<usize>(count & ~7) << 2);
  const most = f32x4.splat(largest);
  let sum: f64 = 0;
  let at = row;
  while (at < whole) {
    const stop = min(whole, at + together);
    let a = f32x4.splat(0), b = a;
    for (; at < stop; at += 32) {
      a = f32x4.add(a, exp2Both(below(v128.load(at), most), below(v128.load(at, 16), most)));
      b = f32x4.add(b, exp2Second);
    }
    sum += <f64>sumOf(f32x4.add(a, b));
  }
  for (; at + 16 <= end; at += 16) sum += <f64>sumOf(exp2(below(v128.load(at), most)));
  if (at < end) sum += <f64>sumOf(exp2(below(loadLast(at, end, -Infinity), most)));
  return sum;
}

@inline
function normalised(x: v128, most: v128, least: v128, logZ: v128): v128 {
  return f32x4.sub(f32x4.pmax(f32x4.sub(x, most), least), logZ);
}

/** max(x − largest, floor) − logZ; `to` may be the row itself. */
export function normaliseTo(to: usize, row: usize, count: i32, largest: f32, floor: f32, logZ: f32): void {
  const end = row + (<usize>count << 2);
  const most = f32x4.splat(largest), least = f32x4.splat(floor), z = f32x4.splat(logZ);
  let at = row;
  for (; at + 16 <= end; at += 16, to += 16) v128.store(to, normalised(v128.load(at), most, least, z));
  if (at < end) storeLast(to, to + (end - at), normalised(loadLast(at, end, 0), most, least, z));
}

@inline
function extrapolated(pref: v128, base: v128, g: v128): v128 {
  return multiplyAdd(g, f32x4.sub(pref, base), pref);
}

/** pref + γ·(pref − base). @returns the largest; where a number is NaN, which shows in its exponential, of the others */
export function extrapolateTo(to: usize, base: usize, pref: usize, count: i32, gamma: f32): f32 {
  const end = pref + (<usize>count << 2);
  const g = f32x4.splat(gamma);
  let most = f32x4.splat(-Infinity);
  let at = pref;
  for (; at + 16 <= end; at += 16, base += 16, to += 16) {
    const x = extrapolated(v128.load(at), v128.load(base), g);
    most = f32x4.pmax(most, x);
    v128.store(to, x);
  }
  for (; at < end; at += 4, base += 4, to += 4) {
    // As above, so that equal numbers give equal ones wherever they stand.
    const x = extrapolated(f32x4.splat(load<f32>(at)), f32x4.splat(load<f32>(base)), g);
    most = f32x4.pmax(most, x);
    store<f32>(to, f32x4.extract_lane(x, 0));
  }
  return largestLane(most);
}
