/**
 * Attention of new tokens over their rows' caches, which lie in pages. A unit of work is a token and a key/value head, with
 * the query heads that share it. K is the width of a head, a multiple of four.
 */
import { attendTogether } from "./attention-heads";
import { exp, sumOf } from "./elementwise";
import { details } from "./layout";
import { multiplyAdd } from "./multiply-add";

const queries: usize = details; // of the first token; turned
const queryBytes: usize = details + 4; // from one token to the next
const mixtures: usize = details + 8; // where results go, a token after the other
const mixtureBytes: usize = details + 12;
const tokens: usize = details + 16; // of each: tokens that it attends to, and the address of its row's table of pages
const units: usize = details + 20;
const chunkUnits: usize = details + 24;
const groups: usize = details + 28;
const shared: usize = details + 32; // query heads of a key/value head
const headBytes: usize = details + 36;
const pageTokens: usize = details + 40; // a power of two, as its logarithm
const blockOffset: usize = details + 44; // of this block's keys in a page
const tokenBytes: usize = details + 48; // the keys, or values, of a token
const scale: usize = details + 52;
const window: usize = details + 56; // tokens that are seen, the token itself included

export function attendChunk(chunk: i32, scratch: usize): void {
  const size = load<i32>(chunkUnits);
  const end = min(load<i32>(units), (chunk + 1) * size);
  const groupCount = load<i32>(groups);
  for (let unit = chunk * size; unit < end; unit++) attendUnit(unit / groupCount, unit % groupCount, scratch);
}

/** The key of a token in a row's pages; its value lies a page of keys further on. */
@inline
function keyAt(table: usize, token: i32, shift: i32, inPage: usize, bytes: usize): usize {
  const page = <usize>load<u32>(table + (<usize>(token >> shift) << 2));
  return page + inPage + <usize>(token & ((1 << shift) - 1)) * bytes;
}

function attendUnit(token: i32, group: i32, scores: usize): void {
  const seen = load<i32>(<usize>load<u32>(tokens) + (<usize>token << 3));
  const table = <usize>load<u32>(<usize>load<u32>(tokens) + (<usize>token << 3), 4);
  const first = max(0, seen - load<i32>(window));
  const width = <usize>load<u32>(headBytes);
  const inPage = <usize>load<u32>(blockOffset) + <usize>group * width;
  const heads = load<i32>(shared);
  const offset = <usize>(group * heads) * width;
  let query = <usize>load<u32>(queries) + <usize>token * <usize>load<u32>(queryBytes) + offset;
  let mixture = <usize>load<u32>(mixtures) + <usize>token * <usize>load<u32>(mixtureBytes) + offset;
  let left = heads;
  for (; left > 1; left -= 4) {
    const count = min(left, 4);
    attendTogether(
      count, query, mixture, table, first, seen, load<i32>(pageTokens), inPage, <usize>load<u32>(tokenBytes), width,
      load<f32>(scale), scores,
    );
    query += <usize>count * width;
    mixture += <usize>count * width;
  }
  if (left == 1) {
    const inverse = weigh(query, table, first, seen, inPage, width, scores);
    mix(mixture, table, first, seen, inPage, width, scores, inverse);
  }
}

/** Scores to e^(score − largest), of which the inverse sum is returned. */
function weigh(query: usize, table: usize, first: i32, seen: i32, inPage: usize, width: usize, scores: usize): f32 {
  const shift = load<i32>(pageTokens);
  const bytes = <usize>load<u32>(tokenBytes);
  const factor = load<f32>(scale);
  let largest: f32 = -Infinity;
  let to = scores;
  for (let token = first; token < seen; token++, to += 4) {
    const key = keyAt(table, token, shift, inPage, bytes);
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
    const weight = v128.and(exp(f32x4.sub(score, most)), f32x4.gt(score, f32x4.splat(-Infinity)));
    v128.store(at, weight);
    sum = f32x4.add(sum, weight);
  }
  return <f32>1 / sumOf(sum);
}

/** The mixture of values, sixteen channels at a time where there are so many. */
function mix(
  to: usize, table: usize, first: i32, seen: i32, inPage: usize, width: usize, weights: usize, inverse: f32,
): void {
  const shift = load<i32>(pageTokens);
  const bytes = <usize>load<u32>(tokenBytes);
  const values = inPage + (bytes << shift);
  const factor = f32x4.splat(inverse);
  let channel: usize = 0;
  for (; channel + 64 <= width; channel += 64) {
    let a = f32x4.splat(0), b = a, c = a, d = a;
    let from = weights;
    for (let token = first; token < seen; token++, from += 4) {
      const value = keyAt(table, token, shift, values, bytes) + channel;
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
    for (let token = first; token < seen; token++, from += 4) {
      const value = keyAt(table, token, shift, values, bytes) + channel;
      a = multiplyAdd(v128.load32_splat(from), v128.load(value), a);
    }
    v128.store(to + channel, f32x4.mul(a, factor));
  }
}
