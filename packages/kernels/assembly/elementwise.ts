/** What is done to activations between products: a hundredth of a product's work. */
import { exp2, log2e, one } from "./exponential";

@inline
export function sumOf(x: v128): f32 {
  const pairs = f32x4.add(x, i64x2.shuffle(x, x, 1, 0));
  return f32x4.extract_lane(pairs, 0) + f32x4.extract_lane(pairs, 1);
}

/**
 * In place, silu(x) = x · σ(x), or GELU in its tanh form, which is x · σ(2√(2/π)(x + 0.044715 x³)); times what lies at `by`, where
 * that is not 0.
 *
 * @param bytes of a multiple of four numbers
 */
export function activate(at: usize, by: usize, bytes: usize, isGelu: bool): void {
  const toPower = f32x4.neg(log2e);
  const linear = f32x4.splat(1.5957691216057308);
  const cubic = f32x4.splat(0.07135481282553);
  for (let i: usize = 0; i < bytes; i += 16) {
    const x = v128.load(at + i);
    const inner = isGelu ? f32x4.mul(x, f32x4.add(linear, f32x4.mul(cubic, f32x4.mul(x, x)))) : x;
    const active = f32x4.div(x, f32x4.add(one, exp2(f32x4.mul(inner, toPower))));
    v128.store(at + i, by != 0 ? f32x4.mul(active, v128.load(by + i)) : active);
  }
}

/** Adds the numbers at `from` to those at `to`; `bytes` of a multiple of four numbers. */
export function addTo(to: usize, from: usize, bytes: usize): void {
  for (let at: usize = 0; at < bytes; at += 16) v128.store(to + at, f32x4.add(v128.load(to + at), v128.load(from + at)));
}

/** Turns a head by its token's position: Hugging Face's rotate_half. */
@inline
function turn(from: usize, to: usize, half: i32, cos: usize, sin: usize): void {
  const bytes = <usize>half << 2;
  for (let at: usize = 0; at < bytes; at += 4) {
    const a = load<f32>(from + at);
    const b = load<f32>(from + bytes + at);
    const c = load<f32>(cos + at);
    const s = load<f32>(sin + at);
    store<f32>(to + at, a * c - b * s);
    store<f32>(to + bytes + at, b * c + a * s);
  }
}

/** One token: its queries turn in place, its keys into the cache, and its values follow them; groups lie `groupBytes` apart. */
export function appendToken(
  qk: usize, v: usize, cos: usize, sin: usize, heads: i32, groups: i32, half: i32, keysTo: usize, valuesTo: usize,
  groupBytes: usize,
): void {
  const headBytes = <usize>half << 3;
  let at = qk;
  for (let h = 0; h < heads; h++, at += headBytes) turn(at, at, half, cos, sin);
  for (let g = 0; g < groups; g++, at += headBytes, v += headBytes) {
    turn(at, keysTo, half, cos, sin);
    memory.copy(valuesTo, v, headBytes);
    keysTo += groupBytes;
    valuesTo += groupBytes;
  }
}
