/**
 * Attention of new tokens over their rows' caches, which lie in pages. A unit of work is a few tokens and a key/value head, with
 * the query heads that share it: page by page, so that what the tokens' rows share comes from the nearest cache for all but
 * the first of them. Each token's numbers are what they are alone.
 */
import { attendTogether } from "./attention-heads";
import {
  chunkUnits, endTokenOf, firstOf, firstTokenOf, groupOf, headBytes, keysIn, mixtureBytes, mixtures, pageOf, pageTokens,
  queries, queryBytes, scale, seenOf, shared, unitCount, valuesIn,
} from "./attention-job";
import { sumOf } from "./elementwise";
import { below, exp2 } from "./exponential";
import { multiplyAdd } from "./multiply-add";

export function attendChunk(chunk: i32, scratch: usize): void {
  const size = load<i32>(chunkUnits);
  const end = min(load<i32>(unitCount), (chunk + 1) * size);
  for (let unit = chunk * size; unit < end; unit++) attendUnit(firstTokenOf(unit), endTokenOf(unit), groupOf(unit), scratch);
}

function attendUnit(token: i32, end: i32, group: i32, scratch: usize): void {
  const heads = load<i32>(shared);
  let head = group * heads;
  let left = heads;
  for (; left > 1; left -= 4, head += 4) attendTogether(min(left, 4), head, token, end, group, scratch);
  if (left == 1) for (; token < end; token++) attendAlone(head, token, group, scratch);
}

/** One head, and none to share its keys. */
function attendAlone(head: i32, token: i32, group: i32, scores: usize): void {
  const width = <usize>load<u32>(headBytes);
  const offset = <usize>head * width;
  const query = <usize>load<u32>(queries) + <usize>token * <usize>load<u32>(queryBytes) + offset;
  const mixture = <usize>load<u32>(mixtures) + <usize>token * <usize>load<u32>(mixtureBytes) + offset;
  mix(mixture, token, group, width, scores, weigh(query, token, group, width, scores));
}

/** Scores to e^(score − largest), of which the inverse sum is returned. */
function weigh(query: usize, token: i32, group: i32, width: usize, scores: usize): f32 {
  const seen = seenOf(token);
  const shift = load<i32>(pageTokens);
  const factor = load<f32>(scale);
  let largest: f32 = -Infinity;
  let to = scores;
  for (let other = firstOf(token); other < seen; other++, to += 4) {
    const key = keysIn(pageOf(token, other >> shift), group) + <usize>(other & ((1 << shift) - 1)) * width;
    let sum = f32x4.splat(0);
    for (let at: usize = 0; at < width; at += 16) {
      sum = multiplyAdd(v128.load(query + at), v128.load(key + at), sum);
    }
    const score = sumOf(sum) * factor;
    store<f32>(to, score);
    largest = max(largest, score);
  }
  // Lanes beyond the last score count for nothing.
  v128.store(to, f32x4.splat(-Infinity));
  const most = f32x4.splat(largest);
  let sum = f32x4.splat(0);
  for (let at = scores; at < to; at += 16) {
    const score = v128.load(at);
    const weight = v128.and(exp2(below(score, most)), f32x4.gt(score, f32x4.splat(-Infinity)));
    v128.store(at, weight);
    sum = f32x4.add(sum, weight);
  }
  return <f32>1 / sumOf(sum);
}

/** The mixture of values, sixteen channels at a time where there are so many. */
function mix(to: usize, token: i32, group: i32, width: usize, weights: usize, inverse: f32): void {
  const first = firstOf(token);
  const seen = seenOf(token);
  const shift = load<i32>(pageTokens);
  const inner = (1 << shift) - 1;
  const factor = f32x4.splat(inverse);
  let channel: usize = 0;
  for (; channel + 64 <= width; channel += 64) {
    let a = f32x4.splat(0), b = a, c = a, d = a;
    let from = weights;
    for (let other = first; other < seen; other++, from += 4) {
      const value = valuesIn(pageOf(token, other >> shift), group) + <usize>(other & inner) * width + channel;
      const weight = v128.load32_splat(from);
      a = multiplyAdd(weight, v128.load(value), a);
      b = multiplyAdd(weight, v128.load(value, 16), b);
      c = multiplyAdd(weight, v128.load(value, 32), c);
      d = multiplyAdd(weight, v128.load(value, 48), d);
    }
    v128.store(to + channel, f32x4.mul(a, factor));
    v128.store(to + channel, f32x4.mul(b, factor), 16);
    v128.store(to + channel, f32x4.mul(c, factor), 32);
    v128.store(to + channel, f32x4.mul(d, factor), 48);
  }
  for (; channel < width; channel += 16) {
    let a = f32x4.splat(0);
    let from = weights;
    for (let other = first; other < seen; other++, from += 4) {
      const value = valuesIn(pageOf(token, other >> shift), group) + <usize>(other & inner) * width + channel;
      a = multiplyAdd(v128.load32_splat(from), v128.load(value), a);
    }
    v128.store(to + channel, f32x4.mul(a, factor));
  }
}
