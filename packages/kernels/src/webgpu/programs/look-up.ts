/** Rows of a weight by their ids, decoded: `[N, I]`. A lane writes one chunk; ids that another buffer holds are left to it. */
import type { Program } from "../backend.js";
import { chunkSize, decoderOf } from "../wgsl/decoders.js";

export function lookUpProgram(storedType: string, [N, I]: [N: number, I: number]): Program {
  return {
    variableNames: ["ids", "blocks"],
    variableComponents: [1, 1],
    outputShape: [N, I],
    workgroupSize: [64, 1, 1],
    dispatch: [Math.ceil((N * Math.ceil(I / chunkSize)) / 64), 1, 1],
    dispatchLayout: { x: [0, 1] },
    shaderKey: `amulet-look-up-${storedType}`,
    uniforms: "first : i32,",
    getUserCode: () => `${decoderOf(storedType)}${userCode}`,
  };
}

const userCode = /* wgsl */ `
fn main(index: i32) {
  let inputs = u32(uniforms.outShape.y);
  let chunks = (inputs + ${chunkSize - 1}u) / ${chunkSize}u;
  let n = u32(index) / chunks;
  let chunk = u32(index) % chunks;
  if (n >= u32(uniforms.outShape.x)) { return; }
  let id = ids[n] - uniforms.first;
  if (id < 0 || id >= uniforms.blocksShape.x) { return; }
  let numbers = decode(u32(id) * u32(uniforms.blocksShape.y), chunk);
  for (var i = 0u; i < min(${chunkSize}u, inputs - ${chunkSize}u * chunk); i++) {
    result[n * inputs + ${chunkSize}u * chunk + i] = numbers[i / 4u][i % 4u];
  }
}
`;
