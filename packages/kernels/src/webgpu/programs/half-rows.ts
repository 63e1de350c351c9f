/**
 * Activations in f16, as products take them: in words of two, behind zeros to whole chunks, after two words of a head. They are multiplied by the
 * power of two of ../wgsl/precision.ts, whose inverse is in the head; with a norm, of the root mean square's, they have its
 * weights in them and the head its root.
 *
 * x: `[N, I]` · weight: `[I]` · result: `[N, W]`, words.
 */
import { foldDispatch, type Program, type WebGpuBackend } from "../backend.js";
import { chunkSize } from "../wgsl/decoders.js";
import { headWords, rowPower } from "../wgsl/precision.js";

const lanes = 64;

export function halfRowsProgram(
  backend: WebGpuBackend,
  [N, I]: [N: number, I: number],
  isNormed: boolean,
): Program {
  const variableNames = ["x", ...(isNormed ? ["weight"] : [])];
  return {
    variableNames,
    variableComponents: variableNames.map(() => 1),
    outputShape: [N, headWords + (chunkSize * Math.ceil(I / chunkSize)) / 2],
    workgroupSize: [lanes, 1, 1],
    dispatch: [...foldDispatch(N, backend), 1],
    dispatchLayout: { x: [1], y: [0] },
    shaderKey: `amulet-half-rows-${isNormed}`,
    uniforms: "epsilon : f32,",
    getUserCode: () => userCode(isNormed),
  };
}

/** `pack2x16float` needs no feature; but cards that cut off what it drops, instead of rounding, are known. */
const userCode = (isNormed: boolean) => /* wgsl */ `
enable f16;
${rowPower(lanes)}
${isNormed ? squares : ""}

fn numberAt(row: u32, i: u32) -> f32 {
  let width = u32(uniforms.xShape.y);
  let own = min(i, width - 1u);
  return select(0.0, x[row + own]${isNormed ? " * weight[own]" : ""}, i < width);
}

fn main() {
  let width = u32(uniforms.xShape.y);
  let words = u32(uniforms.outShape.y);
  let n = workgroupId.y * numWorkgroups.x + workgroupId.x;
  let isThere = n < u32(uniforms.xShape.x);
  let row = select(0u, n, isThere) * width;
  var largest = 0.0;
  for (var i = localIndex; i < width; i += ${lanes}u) { largest = max(largest, abs(numberAt(row, i))); }
  let power = powerFor(largestOf(largest));
  let root = ${isNormed ? "rootOf(row)" : "1.0"};
  if (!isThere) { return; }
  let head = n * words;
  if (localIndex == 0u) {
    result[head] = bitcast<i32>(inverseOf(power) * root);
    result[head + 1u] = 0;
  }
  for (var i = localIndex; i < words - ${headWords}u; i += ${lanes}u) {
    let pair = power * vec2f(numberAt(row, 2u * i), numberAt(row, 2u * i + 1u));
    result[head + ${headWords}u + i] = bitcast<i32>(vec2<f16>(pair));
  }
}
`;

const squares = /* wgsl */ `
var<workgroup> squares: array<f32, ${lanes}>;

fn rootOf(row: u32) -> f32 {
  let width = u32(uniforms.xShape.y);
  var own = 0.0;
  for (var i = localIndex; i < width; i += ${lanes}u) { own += x[row + i] * x[row + i]; }
  squares[localIndex] = own;
  workgroupBarrier();
  var sum = 0.0;
  for (var i = 0u; i < ${lanes}u; i++) { sum += squares[i]; }
  return inverseSqrt(sum / f32(width) + uniforms.epsilon);
}
`;
