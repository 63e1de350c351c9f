/** Decoders of numbers that stand by themselves. */

export const decodeF32 = /* wgsl */ `
fn decode(row: u32, chunk: u32) -> array<vec4f, 8> {
  let at = row + 32u * chunk;
  var numbers: array<vec4f, 8>;
  for (var j = 0u; j < 8u; j++) {
    let bits = vec4u(word(at + 4u * j), word(at + 4u * j + 1u), word(at + 4u * j + 2u), word(at + 4u * j + 3u));
    numbers[j] = bitcast<vec4f>(bits);
  }
  return numbers;
}
`;

/** Two words hold four numbers; `numbers` makes them of `first` and `second`. */
const decodeHalves = (numbers: string) => /* wgsl */ `
fn decode(row: u32, chunk: u32) -> array<vec4f, 8> {
  let at = row + 16u * chunk;
  var numbers: array<vec4f, 8>;
  for (var j = 0u; j < 8u; j++) {
    let first = word(at + 2u * j);
    let second = word(at + 2u * j + 1u);
    numbers[j] = ${numbers};
  }
  return numbers;
}
`;

export const decodeF16 = decodeHalves(
  "vec4f(half(first & 0xffffu), half(first >> 16u), half(second & 0xffffu), half(second >> 16u))",
);

export const decodeBF16 = decodeHalves(
  "bitcast<vec4f>(vec4u(first << 16u, first & 0xffff0000u, second << 16u, second & 0xffff0000u))",
);
