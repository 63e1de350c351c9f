/**
 * The last word of each row of a weight: the power of two of ../wgsl/precision.ts, which f16 products multiply its numbers with. A
 * workgroup has a row. It writes into the buffer that it reads, which may be bound but once, as the result: `[O, W]`.
 */
import { foldDispatch, type Program, type WebGpuBackend } from "../backend.js";
import { decoderOf } from "../wgsl/decoders.js";
import { rowPower } from "../wgsl/precision.js";

const lanes = 64;

export function rowPowersProgram(
  backend: WebGpuBackend,
  storedType: string,
  [O, W]: [O: number, W: number],
): Program {
  return {
    variableNames: [],
    variableComponents: [],
    outputShape: [O, W],
    workgroupSize: [lanes, 1, 1],
    dispatch: [...foldDispatch(O, backend), 1],
    dispatchLayout: { x: [1], y: [0] },
    shaderKey: `amulet-row-powers-${storedType}`,
    uniforms: "chunks : i32,",
    getUserCode: () => `${decoderOf(storedType, ["result"])}${rowPower(lanes)}${userCode}`,
  };
}

const userCode = /* wgsl */ `
fn main() {
  let own = workgroupId.y * numWorkgroups.x + workgroupId.x;
  let isThere = own < u32(uniforms.outShape.x);
  let words = u32(uniforms.outShape.y);
  let row = select(0u, own, isThere) * words;
  var largest = vec4f();
  let chunks = select(0u, u32(uniforms.chunks), isThere);
  for (var chunk = localIndex; chunk < chunks; chunk += ${lanes}u) {
    let numbers = decode(row, chunk);
    for (var j = 0u; j < 8u; j++) { largest = max(largest, abs(numbers[j])); }
  }
  let power = powerFor(largestOf(max(max(largest.x, largest.y), max(largest.z, largest.w))));
  if (isThere && localIndex == 0u) { result[row + words - 1u] = bitcast<i32>(power); }
}
`;
