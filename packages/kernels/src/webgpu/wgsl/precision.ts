/**
 * In which numbers products multiply. With f32 they are those of the file. With f16, which a device has or has not, a row of a
 * weight and a row of activations are each brought by a power of two to where their largest number is in [32, 64), and
 * rounded; four products are added in f16, which come to 2¹⁴ at most of the 65504 that it has room for; sums of fours are f32's.
 *
 * Off by at most six roundings of 2⁻¹¹ of what x and w have as Σ|x·w|: one of each operand, one of the product and three of its
 * sum, and nothing more however long the row is. A whole row of n added in f16 would be off by n of them: at a width of 576,
 * by a quarter of Σ|x·w|.
 */
export type Precision = "f32" | "f16";

export const productErrors: Readonly<Record<Precision, number>> = { f32: 0, f16: 6.02 * 2 ** -11 };

/** Numbers of an element of x as products see it: four float32, or a word of two f16 and another. */
export const stateComponents: Readonly<Record<Precision, number>> = { f32: 4, f16: 2 };

const inverseOf = /* wgsl */ `
// Of a power of two, exactly.
fn inverseOf(power: f32) -> f32 { return bitcast<f32>(0x7f000000u - bitcast<u32>(power)); }
`;

/** WGSL: the largest magnitude that lanes have together, the power of two that brings it into [32, 64), and its inverse. */
export const rowPower = (lanes: number) => /* wgsl */ `${inverseOf}
var<workgroup> magnitudes: array<f32, ${lanes}>;

fn largestOf(own: f32) -> f32 {
  magnitudes[localIndex] = own;
  workgroupBarrier();
  var largest = 0.0;
  for (var i = 0u; i < ${lanes}u; i++) { largest = max(largest, magnitudes[i]); }
  return largest;
}

fn powerFor(largest: f32) -> f32 {
  return bitcast<f32>(min(259u - (bitcast<u32>(largest) >> 23u), 253u) << 23u);
}
`;

/** Words of a row of f16 activations before its numbers: what its sums are multiplied with, and nothing. */
export const headWords = 2;

/**
 * WGSL of one precision, for `x: [N, I]` and rows of weights as `decode` takes them: a type for four numbers, a weight's four
 * numbers as it, x's from a place on, their product, and what makes a sum of products the product of the rows.
 */
export const multiplication: Readonly<Record<Precision, string>> = {
  f32: /* wgsl */ `
alias Four = vec4f;

fn rowLength() -> u32 { return u32(uniforms.xShape.y) / 4u; }
fn foursFrom(n: u32) -> u32 { return n * rowLength(); }
fn factorOf(row: u32) -> f32 { return 1.0; }
fn narrowed(numbers: vec4f, factor: f32) -> Four { return numbers; }
fn statesAt(at: u32) -> Four { return x[at]; }
fn product(a: Four, b: Four) -> f32 { return dot(a, b); }
fn widened(sum: f32, factor: f32, n: u32) -> f32 { return sum; }
`,
  f16: /* wgsl */ `
enable f16;
alias Four = vec4<f16>;

fn rowLength() -> u32 { return u32(uniforms.xShape.y) / 2u - 1u; }
fn foursFrom(n: u32) -> u32 { return n * (rowLength() + 1u) + 1u; }
// The last word of a weight's row.
fn factorOf(row: u32) -> f32 { return bitcast<f32>(word(row + u32(uniforms.blocksShape.y) - 1u)); }
fn narrowed(numbers: vec4f, factor: f32) -> Four { return Four(numbers * factor); }
fn statesAt(at: u32) -> Four { return bitcast<Four>(x[at]); }
fn product(a: Four, b: Four) -> f32 { return f32(dot(a, b)); }
fn widened(sum: f32, factor: f32, n: u32) -> f32 {
  return sum * inverseOf(factor) * bitcast<f32>(x[foursFrom(min(n, u32(uniforms.xShape.x) - 1u)) - 1u].x);
}
${inverseOf}`,
};
