/** What is done to activations between products, on the caller's thread: a hundredth of a product's work. */

/** e^x: 2^k times a polynomial of the rest; off by less than two units in the last place (Cephes' expf). */
@inline
export function exp(x: v128): v128 {
  // pmin and pmax are one instruction each, and leave a NaN that stands first.
  const bounded = f32x4.pmax(f32x4.pmin(x, f32x4.splat(88)), f32x4.splat(-87));
  // Beside 1.5·2^23 nothing is left behind the point: k stands in the last bits.
  const shifted = f32x4.add(f32x4.mul(bounded, f32x4.splat(1.44269504088896341)), f32x4.splat(12582912));
  const k = f32x4.sub(shifted, f32x4.splat(12582912));
  let r = f32x4.sub(bounded, f32x4.mul(k, f32x4.splat(0.693359375)));
  r = f32x4.sub(r, f32x4.mul(k, f32x4.splat(-2.12194440e-4)));
  let p = f32x4.splat(1.9875691500e-4);
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1.3981999507e-3));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(8.3334519073e-3));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(4.1665795894e-2));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1.6666665459e-1));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(5.0000001201e-1));
  const whole = f32x4.add(f32x4.add(f32x4.mul(p, f32x4.mul(r, r)), r), f32x4.splat(1));
  const power = i32x4.shl(i32x4.add(shifted, i32x4.splat(127)), 23);
  return f32x4.mul(whole, power);
}

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
  const one = f32x4.splat(1);
  const linear = f32x4.splat(1.5957691216057308);
  const cubic = f32x4.splat(0.07135481282553);
  for (let i: usize = 0; i < bytes; i += 16) {
    const x = v128.load(at + i);
    const inner = isGelu ? f32x4.mul(x, f32x4.add(linear, f32x4.mul(cubic, f32x4.mul(x, x)))) : x;
    const active = f32x4.div(x, f32x4.add(one, exp(f32x4.neg(inner))));
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
