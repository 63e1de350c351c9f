/**
 * A product for few rows of activations, as a decoding step has them. A workgroup has some outputs, and several lanes share
 * the chunks of each: a chunk is decoded in registers and multiplied with every row, and the lanes' sums meet once.
 *
 * x: `[N, I]`, I whole chunks · blocks: words of rows of outputs · result: `[N, O]`.
 */
import { foldDispatch, type Program, type WebGpuBackend } from "../backend.js";
import { decoderOf } from "../wgsl/decoders.js";

/** Of a workgroup: its lanes, those that share an output, and the outputs. */
const [groupLanes, lanes] = [64, 8];
const groupOutputs = groupLanes / lanes;

/** @param rows that are multiplied with a chunk once it is decoded; no more than the lanes of an output */
export function fewRowsProgram(
  backend: WebGpuBackend,
  storedType: string,
  [N, O]: [N: number, O: number],
  outputs: number,
  rows: number,
): Program {
  const [x, y] = foldDispatch(Math.ceil(outputs / groupOutputs), backend);
  return {
    variableNames: ["x", "blocks"],
    variableComponents: [4, 1],
    outputShape: [N, O],
    workgroupSize: [groupLanes, 1, 1],
    dispatch: [x, y, Math.ceil(N / rows)],
    dispatchLayout: { x: [1], y: [0] },
    shaderKey: `amulet-few-rows-${storedType}-${rows}`,
    uniforms: "first : i32,",
    getUserCode: () => `${decoderOf(storedType)}${userCode(rows)}`,
  };
}

const repeat = (count: number, line: (i: number) => string) =>
  Array.from({ length: count }, (_, i) => line(i)).join("\n");

function userCode(rows: number): string {
  return /* wgsl */ `
var<workgroup> sums: array<f32, ${groupLanes * rows}>;

fn main() {
  let lane = localIndex % ${lanes}u;
  let own = localIndex / ${lanes}u;
  let output = (workgroupId.y * numWorkgroups.x + workgroupId.x) * ${groupOutputs}u + own;
  let firstRow = workgroupId.z * ${rows}u;
  let isThere = output < u32(uniforms.blocksShape.x);
  ${repeat(rows, (n) => `var sum${n} = 0.0;`)}
  if (isThere) {
    let row = output * u32(uniforms.blocksShape.y);
    let width = u32(uniforms.xShape.y) / 4u;
    let last = u32(uniforms.xShape.x) - 1u;
    ${repeat(rows, (n) => `let x${n} = min(firstRow + ${n}u, last) * width;`)}
    for (var chunk = lane; chunk < width / 8u; chunk += ${lanes}u) {
      let numbers = decode(row, chunk);
      for (var j = 0u; j < 8u; j++) {
        ${repeat(rows, (n) => `sum${n} += dot(numbers[j], x[x${n} + 8u * chunk + j]);`)}
      }
    }
  }
  ${repeat(rows, (n) => `sums[${n * groupLanes}u + localIndex] = sum${n};`)}
  workgroupBarrier();
  // Each of the first lanes adds up what all have of a row.
  if (lane < ${rows}u) {
    var sum = 0.0;
    for (var i = 0u; i < ${lanes}u; i++) { sum += sums[lane * ${groupLanes}u + own * ${lanes}u + i]; }
    store(isThere, firstRow + lane, output, sum);
  }
}

fn store(isThere: bool, n: u32, output: u32, sum: f32) {
  if (isThere && n < u32(uniforms.outShape.x)) {
    result[n * u32(uniforms.outShape.y) + u32(uniforms.first) + output] = sum;
  }
}
`;
}
