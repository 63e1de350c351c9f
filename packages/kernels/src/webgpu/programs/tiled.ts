/**
 * A product for the many rows of a prompt. A workgroup has a tile of 64 outputs and 32 rows: it decodes a chunk of each of
 * the outputs and puts it beside the rows' numbers where all lanes find them, and each lane adds to 8 × 4 sums. A chunk is
 * decoded once for 32 rows. Letters as in few-rows.ts.
 */
import type { Program } from "../backend.js";
import { decoderOf } from "../wgsl/decoders.js";
import { type Finish, finishCode, finishKey, finishVariables } from "../wgsl/finish.js";
import { multiplication, type Precision, stateComponents } from "../wgsl/precision.js";

/** An eighth of them in each direction is a lane's. */
const [tileOutputs, tileRows] = [64, 32];
const [laneOutputs, laneRows] = [tileOutputs / 8, tileRows / 8];

export function tiledProgram(
  { storedType, precision }: { readonly storedType: string; readonly precision: Precision },
  finish: Finish,
  [N, O]: [N: number, O: number],
  outputs: number,
): Program {
  const added = finishVariables(finish);
  return {
    variableNames: ["x", "blocks", ...added],
    variableComponents: [stateComponents[precision], 1, ...added.map(() => 1)],
    outputShape: [N, O],
    workgroupSize: [64, 1, 1],
    dispatch: [Math.ceil(outputs / tileOutputs), Math.ceil(N / tileRows), 1],
    dispatchLayout: { x: [1], y: [0] },
    shaderKey: `amulet-tiled-${storedType}-${precision}-${finishKey(finish)}`,
    uniforms: "first : i32, epsilon : f32,",
    getUserCode: () => `${decoderOf(storedType)}${multiplication[precision]}${finishCode(finish)}${userCode}`,
  };
}

const userCode = /* wgsl */ `
// Of each chunk its eighths one after the other, and in them the tile's outputs, and rows.
var<workgroup> weights: array<Four, ${8 * tileOutputs}>;
var<workgroup> states: array<Four, ${8 * tileRows}>;

fn main() {
  let rows = u32(uniforms.xShape.x);
  let firstOutput = workgroupId.x * ${tileOutputs}u;
  let firstRow = workgroupId.y * ${tileRows}u;
  let row = rowOf(firstOutput + localIndex);
  let factor = factorOf(row);
  let across = localIndex % 8u;
  let down = localIndex / 8u;
  var sums: array<array<f32, ${laneOutputs}>, ${laneRows}>;
  for (var chunk = 0u; chunk < rowLength() / 8u; chunk++) {
    let numbers = decode(row, chunk);
    for (var j = 0u; j < 8u; j++) { weights[j * ${tileOutputs}u + localIndex] = narrowed(numbers[j], factor); }
    for (var n = down; n < ${tileRows}u; n += 8u) {
      states[across * ${tileRows}u + n] = statesAt(foursFrom(min(firstRow + n, rows - 1u)) + 8u * chunk + across);
    }
    workgroupBarrier();
    for (var j = 0u; j < 8u; j++) {
      for (var n = 0u; n < ${laneRows}u; n++) {
        let state = states[j * ${tileRows}u + down + 8u * n];
        for (var o = 0u; o < ${laneOutputs}u; o++) {
          sums[n][o] += product(state, weights[j * ${tileOutputs}u + across + 8u * o]);
        }
      }
    }
    workgroupBarrier();
  }
  for (var n = 0u; n < ${laneRows}u; n++) {
    for (var o = 0u; o < ${laneOutputs}u; o++) {
      store(firstRow + down + 8u * n, firstOutput + across + 8u * o, sums[n][o]);
    }
  }
}

// Where an output's row begins; beyond the last one, that.
fn rowOf(output: u32) -> u32 {
  return min(output, u32(uniforms.blocksShape.x) - 1u) * u32(uniforms.blocksShape.y);
}

fn store(n: u32, output: u32, sum: f32) {
  if (n < u32(uniforms.outShape.x) && output < u32(uniforms.blocksShape.x)) {
    let column = u32(uniforms.first) + output;
    let whole = widened(sum, factorOf(rowOf(output)), n);
    result[n * u32(uniforms.outShape.y) + column] = finished(whole, n, column);
  }
}
`;
