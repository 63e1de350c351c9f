/**
 * Two to four query heads that share keys and values, attended to together: each key and value is read once, a page at a
 * time, so that it comes from the nearest cache when it is needed again. Scores of a token are the four lanes of a vector.
 */
import { exp } from "./elementwise";
import { multiplyAdd } from "./multiply-add";
import { sumLanes } from "./sum-lanes";

export function attendTogether(
  count: i32, query: usize, mixture: usize, table: usize, first: i32, seen: i32, shift: i32, inPage: usize, bytes: usize,
  width: usize, scale: f32, scores: usize,
): void {
  if (count == 2) attend(2, query, mixture, table, first, seen, shift, inPage, bytes, width, scale, scores);
  else if (count == 3) attend(3, query, mixture, table, first, seen, shift, inPage, bytes, width, scale, scores);
  else attend(4, query, mixture, table, first, seen, shift, inPage, bytes, width, scale, scores);
}

/** `count` is a constant wherever this is inlined; lanes beyond it are zero. */
@inline
function attend(
  count: i32, query: usize, mixture: usize, table: usize, first: i32, seen: i32, shift: i32, inPage: usize, bytes: usize,
  width: usize, scale: f32, scores: usize,
): void {
  const tokens = 1 << shift;
  const factor = f32x4.splat(scale);
  let largest = f32x4.splat(-Infinity);
  let to = scores;
  for (let token = first; token < seen; ) {
    const inner = token & (tokens - 1);
    const end = min(seen, token - inner + tokens);
    let key = <usize>load<u32>(table + (<usize>(token >> shift) << 2)) + inPage + <usize>inner * bytes;
    for (; token < end; token++, key += bytes, to += 16) {
      const score = f32x4.mul(dots(count, query, key, width), factor);
      v128.store(to, score);
      largest = f32x4.max(largest, score);
    }
  }
  let sum = f32x4.splat(0);
  for (let at = scores; at < to; at += 16) {
    const weight = exp(f32x4.sub(v128.load(at), largest));
    v128.store(at, weight);
    sum = f32x4.add(sum, weight);
  }
  // The room behind the scores keeps what the mixtures are multiplied with at the end.
  v128.store(to, f32x4.div(f32x4.splat(1), sum));
  memory.fill(mixture, 0, <usize>count * width);
  let weights = scores;
  for (let token = first; token < seen; ) {
    const inner = token & (tokens - 1);
    const end = min(seen, token - inner + tokens);
    const page = <usize>load<u32>(table + (<usize>(token >> shift) << 2)) + inPage + (bytes << shift);
    const value = page + <usize>inner * bytes;
    let channel: usize = 0;
    for (; channel + 32 <= width; channel += 32) {
      mix(count, true, mixture + channel, value + channel, weights, end - token, bytes, width);
    }
    if (channel < width) mix(count, false, mixture + channel, value + channel, weights, end - token, bytes, width);
    weights += <usize>(end - token) << 4;
    token = end;
  }
  for (let head: usize = 0; head < <usize>count; head++) {
    const inverse = v128.load32_splat(to + (head << 2));
    for (let at = head * width; at < (head + 1) * width; at += 16) {
      v128.store(mixture + at, f32x4.mul(v128.load(mixture + at), inverse));
    }
  }
}

/** A key times the queries of up to four heads. */
@inline
function dots(count: i32, query: usize, key: usize, width: usize): v128 {
  let a = f32x4.splat(0), b = a, c = a, d = a;
  for (let at: usize = 0; at < width; at += 16) {
    const k = v128.load(key + at);
    a = multiplyAdd(k, v128.load(query + at), a);
    b = multiplyAdd(k, v128.load(query + at + width), b);
    if (count > 2) c = multiplyAdd(k, v128.load(query + at + 2 * width), c);
    if (count > 3) d = multiplyAdd(k, v128.load(query + at + 3 * width), d);
  }
  return sumLanes(a, b, c, d);
}

/** Adds the values of some tokens of a page, eight channels of them or four, to the mixtures. */
@inline
function mix(
  count: i32, isEight: bool, to: usize, value: usize, weights: usize, tokens: i32, bytes: usize, width: usize,
): void {
  let a = v128.load(to), b = v128.load(to + width);
  let c = count > 2 ? v128.load(to + 2 * width) : a;
  let d = count > 3 ? v128.load(to + 3 * width) : a;
  let a2 = isEight ? v128.load(to, 16) : a;
  let b2 = isEight ? v128.load(to + width, 16) : a;
  let c2 = isEight && count > 2 ? v128.load(to + 2 * width, 16) : a;
  let d2 = isEight && count > 3 ? v128.load(to + 3 * width, 16) : a;
  for (let token = 0; token < tokens; token++, value += bytes, weights += 16) {
    const v = v128.load(value);
    const v2 = isEight ? v128.load(value, 16) : v;
    let weight = v128.load32_splat(weights);
    a = multiplyAdd(weight, v, a);
    if (isEight) a2 = multiplyAdd(weight, v2, a2);
    weight = v128.load32_splat(weights, 4);
    b = multiplyAdd(weight, v, b);
    if (isEight) b2 = multiplyAdd(weight, v2, b2);
    if (count > 2) {
      weight = v128.load32_splat(weights, 8);
      c = multiplyAdd(weight, v, c);
      if (isEight) c2 = multiplyAdd(weight, v2, c2);
    }
    if (count > 3) {
      weight = v128.load32_splat(weights, 12);
      d = multiplyAdd(weight, v, d);
      if (isEight) d2 = multiplyAdd(weight, v2, d2);
    }
  }
  v128.store(to, a);
  v128.store(to + width, b);
  if (count > 2) v128.store(to + 2 * width, c);
  if (count > 3) v128.store(to + 3 * width, d);
  if (!isEight) return;
  v128.store(to, a2, 16);
  v128.store(to + width, b2, 16);
  if (count > 2) v128.store(to + 2 * width, c2, 16);
  if (count > 3) v128.store(to + 3 * width, d2, 16);
}
