/**
 * Two to four query heads that share keys and values, attended to together, and a few tokens with them: each key and value is
 * read once, a page at a time, so that it comes from the nearest cache when it is needed again. Scores of a token are the four
 * lanes of a vector.
 */
import {
  firstOf, headBytes, keysIn, mixtureBytes, mixtures, pageOf, pageTokens, queries, queryBytes, scale, scoreBytes, seenOf,
  valuesIn,
} from "./attention-job";
import { below, exp2, exp2Both, exp2Second } from "./exponential";
import { multiplyAdd } from "./multiply-add";
import { sumLanes } from "./sum-lanes";

/** `count` heads from number `head` on, of tokens up to `end`. */
export function attendTogether(count: i32, head: i32, start: i32, end: i32, group: i32, scratch: usize): void {
  const width = <usize>load<u32>(headBytes);
  const step = <usize>load<u32>(scoreBytes);
  const shift = load<i32>(pageTokens);
  const factor = f32x4.splat(load<f32>(scale));
  const query = <usize>load<u32>(queries) + <usize>head * width;
  const mixture = <usize>load<u32>(mixtures) + <usize>head * width;
  let firstPage = i32.MAX_VALUE;
  let endPage = 0;
  for (let token = start; token < end; token++) {
    firstPage = min(firstPage, firstOf(token) >> shift);
    endPage = max(endPage, ((seenOf(token) - 1) >> shift) + 1);
  }
  for (let page = firstPage; page < endPage; page++) {
    let scores = scratch;
    let near: usize = 0;
    for (let token = start; token < end; token++, scores += step) {
      const from = max(firstOf(token), page << shift);
      const to = min(seenOf(token), (page + 1) << shift);
      if (from >= to) continue;
      const key = keysIn(pageOf(token, page), group) + <usize>(from - (page << shift)) * width;
      if (key != near) bringNear(key, <usize>(to - from) * width);
      near = key;
      const own = query + <usize>token * <usize>load<u32>(queryBytes);
      scoreKeys(count, own, key, to - from, width, factor, scores + (<usize>(from - firstOf(token)) << 4));
    }
  }
  let scores = scratch;
  for (let token = start; token < end; token++, scores += step) {
    weigh(scores, scores + (<usize>(seenOf(token) - firstOf(token)) << 4));
    memory.fill(mixture + <usize>token * <usize>load<u32>(mixtureBytes), 0, <usize>count * width);
  }
  for (let page = firstPage; page < endPage; page++) {
    scores = scratch;
    let near: usize = 0;
    for (let token = start; token < end; token++, scores += step) {
      const from = max(firstOf(token), page << shift);
      const to = min(seenOf(token), (page + 1) << shift);
      if (from >= to) continue;
      const value = valuesIn(pageOf(token, page), group) + <usize>(from - (page << shift)) * width;
      if (value != near) bringNear(value, <usize>(to - from) * width);
      near = value;
      const own = mixture + <usize>token * <usize>load<u32>(mixtureBytes);
      const weights = scores + (<usize>(from - firstOf(token)) << 4);
      mixValues(count, own, value, to - from, width, weights);
    }
  }
  scores = scratch;
  for (let token = start; token < end; token++, scores += step) {
    const inverses = scores + (<usize>(seenOf(token) - firstOf(token)) << 4);
    divide(count, mixture + <usize>token * <usize>load<u32>(mixtureBytes), width, inverses);
  }
}

/** Asks for all lines one after the other: more of them are under way at once than where arithmetic stands between. */
function bringNear(from: usize, bytes: usize): void {
  for (const end = from + bytes; from < end; from += 64) v128.load(from);
}

// A function for each count, so that the compiler keeps each one's registers apart; lanes beyond it are zero.

function scoreKeys(count: i32, query: usize, key: usize, keys: i32, width: usize, factor: v128, to: usize): void {
  if (count == 2) scoreForTwo(query, key, keys, width, factor, to);
  else if (count == 3) scoreForThree(query, key, keys, width, factor, to);
  else scoreForFour(query, key, keys, width, factor, to);
}

function scoreForTwo(query: usize, key: usize, keys: i32, width: usize, factor: v128, to: usize): void {
  scoreFor(2, query, key, keys, width, factor, to);
}

function scoreForThree(query: usize, key: usize, keys: i32, width: usize, factor: v128, to: usize): void {
  scoreFor(3, query, key, keys, width, factor, to);
}

function scoreForFour(query: usize, key: usize, keys: i32, width: usize, factor: v128, to: usize): void {
  scoreFor(4, query, key, keys, width, factor, to);
}

/** Three heads take three keys at a time, for nine sums. Of an odd number of keys the last counts twice, and what comes next is written over one of its scores. */
@inline
function scoreFor(count: i32, query: usize, key: usize, keys: i32, width: usize, factor: v128, to: usize): void {
  if (count == 3) {
    for (; keys > 2; keys -= 3, key += 3 * width, to += 48) scoreThree(query, key, width, factor, to);
  }
  for (; keys > 0; keys -= 2, key += width << 1, to += 32) {
    scoreTwo(count, query, key, keys > 1 ? key + width : key, width, factor, to);
  }
}

function mixValues(count: i32, to: usize, value: usize, values: i32, width: usize, weights: usize): void {
  if (count == 2) mixForTwo(to, value, values, width, weights);
  else if (count == 3) mixForThree(to, value, values, width, weights);
  else mixForFour(to, value, values, width, weights);
}

function mixForTwo(to: usize, value: usize, values: i32, width: usize, weights: usize): void {
  mixFor(2, to, value, values, width, weights);
}

function mixForThree(to: usize, value: usize, values: i32, width: usize, weights: usize): void {
  mixFor(3, to, value, values, width, weights);
}

function mixForFour(to: usize, value: usize, values: i32, width: usize, weights: usize): void {
  mixFor(4, to, value, values, width, weights);
}

@inline
function mixFor(count: i32, to: usize, value: usize, values: i32, width: usize, weights: usize): void {
  let channel: usize = 0;
  for (; channel + 32 <= width; channel += 32) mix(count, true, to + channel, value + channel, weights, values, width);
  if (channel < width) mix(count, false, to + channel, value + channel, weights, values, width);
}

/** Scores to e^(score − largest); the inverse sums are put behind them. */
function weigh(scores: usize, end: usize): void {
  let largest = v128.load(scores);
  // One instruction, where max is many; a NaN comes through by its own weight.
  for (let at = scores; at < end; at += 16) largest = f32x4.pmax(largest, v128.load(at));
  let sum = f32x4.splat(0);
  let at = scores;
  for (; at + 32 <= end; at += 32) {
    const weight = exp2Both(below(v128.load(at), largest), below(v128.load(at, 16), largest));
    v128.store(at, weight);
    v128.store(at, exp2Second, 16);
    sum = f32x4.add(sum, f32x4.add(weight, exp2Second));
  }
  if (at < end) {
    const weight = exp2(below(v128.load(at), largest));
    v128.store(at, weight);
    sum = f32x4.add(sum, weight);
  }
  v128.store(end, f32x4.div(f32x4.splat(1), sum));
}

@inline
function divide(count: i32, mixture: usize, width: usize, inverses: usize): void {
  for (let head: usize = 0; head < <usize>count; head++) {
    const inverse = v128.load32_splat(inverses + (head << 2));
    for (let at = head * width; at < (head + 1) * width; at += 16) {
      v128.store(mixture + at, f32x4.mul(v128.load(mixture + at), inverse));
    }
  }
}

/** Two keys times the queries of up to four heads. */
@inline
function scoreTwo(count: i32, query: usize, key: usize, next: usize, width: usize, factor: v128, to: usize): void {
  let q1 = query + width;
  let q2 = q1 + width;
  let q3 = q2 + width;
  let a = f32x4.splat(0), b = a, c = a, d = a;
  let e = a, f = a, g = a, h = a;
  let k = a, l = a, q = a;
  // Two vectors a turn where there are two: the second's places are known when this is compiled.
  for (const end = key + (width & ~31); key < end; ) {
    k = v128.load(key);
    l = v128.load(next);
    q = v128.load(query);
    a = multiplyAdd(k, q, a);
    e = multiplyAdd(l, q, e);
    q = v128.load(q1);
    b = multiplyAdd(k, q, b);
    f = multiplyAdd(l, q, f);
    if (count > 2) {
      q = v128.load(q2);
      c = multiplyAdd(k, q, c);
      g = multiplyAdd(l, q, g);
    }
    if (count > 3) {
      q = v128.load(q3);
      d = multiplyAdd(k, q, d);
      h = multiplyAdd(l, q, h);
    }
    k = v128.load(key, 16);
    l = v128.load(next, 16);
    q = v128.load(query, 16);
    a = multiplyAdd(k, q, a);
    e = multiplyAdd(l, q, e);
    q = v128.load(q1, 16);
    b = multiplyAdd(k, q, b);
    f = multiplyAdd(l, q, f);
    if (count > 2) {
      q = v128.load(q2, 16);
      c = multiplyAdd(k, q, c);
      g = multiplyAdd(l, q, g);
    }
    if (count > 3) {
      q = v128.load(q3, 16);
      d = multiplyAdd(k, q, d);
      h = multiplyAdd(l, q, h);
    }
    key += 32;
    next += 32;
    query += 32;
    q1 += 32;
    if (count > 2) q2 += 32;
    if (count > 3) q3 += 32;
  }
  if ((width & 16) != 0) {
    k = v128.load(key);
    l = v128.load(next);
    q = v128.load(query);
    a = multiplyAdd(k, q, a);
    e = multiplyAdd(l, q, e);
    q = v128.load(q1);
    b = multiplyAdd(k, q, b);
    f = multiplyAdd(l, q, f);
    if (count > 2) {
      q = v128.load(q2);
      c = multiplyAdd(k, q, c);
      g = multiplyAdd(l, q, g);
    }
    if (count > 3) {
      q = v128.load(q3);
      d = multiplyAdd(k, q, d);
      h = multiplyAdd(l, q, h);
    }
  }
  v128.store(to, f32x4.mul(sumLanes(a, b, c, d), factor));
  v128.store(to, f32x4.mul(sumLanes(e, f, g, h), factor), 16);
}

/** Three keys times the queries of three heads. */
@inline
function scoreThree(query: usize, key: usize, width: usize, factor: v128, to: usize): void {
  let q1 = query + width, q2 = q1 + width;
  let k1 = key + width, k2 = k1 + width;
  let a = f32x4.splat(0), b = a, c = a;
  let d = a, e = a, f = a;
  let g = a, h = a, i = a;
  for (const end = k1; key < end; ) {
    const k = v128.load(key), l = v128.load(k1), m = v128.load(k2);
    let q = v128.load(query);
    a = multiplyAdd(k, q, a);
    d = multiplyAdd(l, q, d);
    g = multiplyAdd(m, q, g);
    q = v128.load(q1);
    b = multiplyAdd(k, q, b);
    e = multiplyAdd(l, q, e);
    h = multiplyAdd(m, q, h);
    q = v128.load(q2);
    c = multiplyAdd(k, q, c);
    f = multiplyAdd(l, q, f);
    i = multiplyAdd(m, q, i);
    key += 16;
    k1 += 16;
    k2 += 16;
    query += 16;
    q1 += 16;
    q2 += 16;
  }
  const zero = f32x4.splat(0);
  v128.store(to, f32x4.mul(sumLanes(a, b, c, zero), factor));
  v128.store(to, f32x4.mul(sumLanes(d, e, f, zero), factor), 16);
  v128.store(to, f32x4.mul(sumLanes(g, h, i, zero), factor), 32);
}

/** Adds the values of some tokens of a page, eight channels of them or four, to the mixtures. */
@inline
function mix(
  count: i32, isEight: bool, to: usize, value: usize, weights: usize, tokens: i32, width: usize,
): void {
  let a = v128.load(to), b = v128.load(to + width);
  let c = count > 2 ? v128.load(to + 2 * width) : a;
  let d = count > 3 ? v128.load(to + 3 * width) : a;
  let a2 = isEight ? v128.load(to, 16) : a;
  let b2 = isEight ? v128.load(to + width, 16) : a;
  let c2 = isEight && count > 2 ? v128.load(to + 2 * width, 16) : a;
  let d2 = isEight && count > 3 ? v128.load(to + 3 * width, 16) : a;
  for (let token = 0; token < tokens; token++, value += width, weights += 16) {
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
