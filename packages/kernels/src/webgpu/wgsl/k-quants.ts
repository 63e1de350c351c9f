/**
 * Decoders of GGUF's blocks of 256 weights, of which a chunk is an eighth; their layouts as in
 * packages/files/src/formats/numbers/k-quants.ts. Scale times quantum is exact in float32, as there.
 */

/** Six-bit scales and minima, eight of each in twelve bytes; the last four of each borrow the first's top bits. */
const groupScales = /* wgsl */ `
fn groupScale(at: u32, group: u32) -> u32 {
  let own = byteOf(word(at), group & 3u);
  return select((byteOf(word(at + 2u), group & 3u) & 15u) | ((own >> 6u) << 4u), own & 63u, group < 4u);
}

fn groupMinimum(at: u32, group: u32) -> u32 {
  let own = byteOf(word(at + 1u), group & 3u);
  return select((byteOf(word(at + 2u), group & 3u) >> 4u) | ((own >> 6u) << 4u), own & 63u, group < 4u);
}
`;

/** Blocks of `words` whose low four bits begin at word `lows`; `codes` makes four codes of them, as `low`. */
const decodeGroups = (words: number, lows: number, codes: string) => /* wgsl */ `${groupScales}
fn decode(row: u32, chunk: u32) -> array<vec4f, 8> {
  let at = row + ${words}u * (chunk >> 3u);
  let group = chunk & 7u;
  let scales = word(at);
  let scale = half(scales & 0xffffu) * f32(groupScale(at + 1u, group));
  let minimum = half(scales >> 16u) * f32(groupMinimum(at + 1u, group));
  let quanta = at + ${lows}u + 8u * (group >> 1u);
  var numbers: array<vec4f, 8>;
  for (var j = 0u; j < 8u; j++) {
    let low = nibbles(word(quanta + j) >> (4u * (group & 1u)));
    numbers[j] = scale * vec4f(${codes}) - minimum;
  }
  return numbers;
}
`;

export const decodeQ4_K = decodeGroups(36, 4, "low");

/** A word before those has a fifth bit of every group for four codes. */
export const decodeQ5_K = decodeGroups(
  44,
  12,
  "low | (nibbles((word(at + 4u + j) >> group) & 0x01010101u) << vec4u(4u))",
);

export const decodeQ6_K = /* wgsl */ `
fn decode(row: u32, chunk: u32) -> array<vec4f, 8> {
  let at = 4u * row + 210u * (chunk >> 3u);
  let eighth = chunk & 7u;
  let quarter = eighth & 3u;
  let d = half(wordAt(at + 208u) & 0xffffu);
  let scales = wordAt(at + 192u + 2u * eighth);
  let lows = at + 64u * (eighth >> 2u) + 32u * (quarter & 1u);
  let highs = at + 128u + 32u * (eighth >> 2u);
  var numbers: array<vec4f, 8>;
  for (var j = 0u; j < 8u; j++) {
    let low = nibbles(wordAt(lows + 4u * j) >> (4u * (quarter >> 1u)));
    let high = pairs(wordAt(highs + 4u * j) >> (2u * quarter)) << vec4u(4u);
    let scale = d * signedBytes(scales)[j >> 2u];
    numbers[j] = scale * (vec4f(low | high) - 32.0);
  }
  return numbers;
}
`;
