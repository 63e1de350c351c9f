/** WGSL that every decoder may use: words of a weight's buffer, bytes in them, and half-precision scales. */

/** Names of the buffers of weights of one type that stand side by side. */
export const buffersOf = (count: number): string[] => ["blocks", "blocks1", "blocks2"].slice(0, count);

/** Of buffers `array<i32>`, as tensors of TensorFlow.js are declared: the one that `part` says, where there are several. */
export const words = (buffers: readonly string[]) => /* wgsl */ `
${buffers.length > 1 ? "var<private> part: u32;" : ""}

fn word(index: u32) -> u32 {
  ${buffers
    .map((name, i) => (i === 0 ? "" : `if (part == ${i}u) { return bitcast<u32>(${name}[index]); }`))
    .join("\n")}
  return bitcast<u32>(${buffers[0]}[index]);
}

// Four bytes from an even address on; blocks of 18, 22, 34 and 210 bytes begin there.
fn wordAt(at: u32) -> u32 {
  let index = at >> 2u;
  let low = word(index);
  return select(low, (low >> 16u) | (word(index + 1u) << 16u), (at & 2u) != 0u);
}

fn byteOf(bits: u32, place: u32) -> u32 { return (bits >> (8u * place)) & 255u; }
`;

/**
 * IEEE binary16, exact. WGSL's own unpack2x16float may take subnormals for zero; here they are made from their integer,
 * which gives a float32 that is none.
 */
export const half = /* wgsl */ `
fn half(bits: u32) -> f32 {
  let shifted = (bits & 0x7fffu) << 13u;
  let exponent = bits & 0x7c00u;
  let subnormal = bitcast<u32>(f32(bits & 0x3ffu) * 5.9604644775390625e-8);
  let finite = select(shifted + 0x38000000u, subnormal, exponent == 0u);
  let magnitude = select(finite, shifted | 0x7f800000u, exponent == 0x7c00u);
  return bitcast<f32>(((bits & 0x8000u) << 16u) | magnitude);
}
`;

/** Four numbers of a word: its bytes' low or high halves, two bits of each, or each byte as signed. */
export const fours = /* wgsl */ `
fn nibbles(bits: u32) -> vec4u { return (vec4u(bits) >> vec4u(0u, 8u, 16u, 24u)) & vec4u(15u); }

fn pairs(bits: u32) -> vec4u { return (vec4u(bits) >> vec4u(0u, 8u, 16u, 24u)) & vec4u(3u); }

fn signedBytes(bits: u32) -> vec4f { return vec4f(vec4i(vec4u(bits) << vec4u(24u, 16u, 8u, 0u)) >> vec4u(24u)); }
`;
