/**
 * Decoders of GGUF's blocks of 32 weights; their layouts as in packages/files/src/formats/numbers/block-quants.ts. The same
 * operations as there: d times a quantum is exact in float32, so that a fused m changes nothing.
 */

export const decodeQ4_0 = /* wgsl */ `
fn decode(row: u32, chunk: u32) -> array<vec4f, 8> {
  let at = 4u * row + 18u * chunk;
  let d = half(wordAt(at) & 0xffffu);
  var numbers: array<vec4f, 8>;
  for (var j = 0u; j < 4u; j++) {
    let quanta = wordAt(at + 2u + 4u * j);
    numbers[j] = d * (vec4f(nibbles(quanta)) - 8.0);
    numbers[4u + j] = d * (vec4f(nibbles(quanta >> 4u)) - 8.0);
  }
  return numbers;
}
`;

export const decodeQ4_1 = /* wgsl */ `
fn decode(row: u32, chunk: u32) -> array<vec4f, 8> {
  let at = row + 5u * chunk;
  let scales = word(at);
  let d = half(scales & 0xffffu);
  let m = half(scales >> 16u);
  var numbers: array<vec4f, 8>;
  for (var j = 0u; j < 4u; j++) {
    let quanta = word(at + 1u + j);
    numbers[j] = d * vec4f(nibbles(quanta)) + m;
    numbers[4u + j] = d * vec4f(nibbles(quanta >> 4u)) + m;
  }
  return numbers;
}
`;

/** The fifth bits of weights 4j to 4j + 3, where they belong. */
const fifth = /* wgsl */ `
fn fifth(fifths: u32, j: u32) -> vec4u {
  return ((vec4u(fifths >> (4u * j)) >> vec4u(0u, 1u, 2u, 3u)) & vec4u(1u)) << vec4u(4u);
}
`;

export const decodeQ5_0 = /* wgsl */ `${fifth}
fn decode(row: u32, chunk: u32) -> array<vec4f, 8> {
  let at = 4u * row + 22u * chunk;
  let d = half(wordAt(at) & 0xffffu);
  let fifths = wordAt(at + 2u);
  var numbers: array<vec4f, 8>;
  for (var j = 0u; j < 4u; j++) {
    let quanta = wordAt(at + 6u + 4u * j);
    numbers[j] = d * (vec4f(nibbles(quanta) | fifth(fifths, j)) - 16.0);
    numbers[4u + j] = d * (vec4f(nibbles(quanta >> 4u) | fifth(fifths, 4u + j)) - 16.0);
  }
  return numbers;
}
`;

export const decodeQ5_1 = /* wgsl */ `${fifth}
fn decode(row: u32, chunk: u32) -> array<vec4f, 8> {
  let at = row + 6u * chunk;
  let scales = word(at);
  let d = half(scales & 0xffffu);
  let m = half(scales >> 16u);
  let fifths = word(at + 1u);
  var numbers: array<vec4f, 8>;
  for (var j = 0u; j < 4u; j++) {
    let quanta = word(at + 2u + j);
    numbers[j] = d * vec4f(nibbles(quanta) | fifth(fifths, j)) + m;
    numbers[4u + j] = d * vec4f(nibbles(quanta >> 4u) | fifth(fifths, 4u + j)) + m;
  }
  return numbers;
}
`;

export const decodeQ8_0 = /* wgsl */ `
fn decode(row: u32, chunk: u32) -> array<vec4f, 8> {
  let at = 4u * row + 34u * chunk;
  let d = half(wordAt(at) & 0xffffu);
  var numbers: array<vec4f, 8>;
  for (var j = 0u; j < 8u; j++) { numbers[j] = d * signedBytes(wordAt(at + 2u + 4u * j)); }
  return numbers;
}
`;
