/**
 * A product for few rows of activations, as a decoding step has them. A workgroup has some outputs, and several lanes share
 * the chunks of each: a chunk is decoded in registers and multiplied with every row, and the lanes' sums meet once. Up to three
 * weights of a type go side by side, or the activation of the first product gates the second. The root mean square's norm of x is taken
 * on the way: its squares are summed beside the products, and divide them.
 *
 * x: `[N, I]`, I whole chunks, or as half-rows.ts has them · blocks, blocks1, blocks2: words of rows of outputs · weight: `[I]` · result: `[N, O]`.
 */
import { foldDispatch, type Program, type WebGpuBackend } from "../backend.js";
import { activations } from "../wgsl/activations.js";
import { decoderOf } from "../wgsl/decoders.js";
import { type Finish, finishCode, finishKey, finishVariables } from "../wgsl/finish.js";
import { buffersOf } from "../wgsl/numbers.js";
import { multiplication, type Precision, stateComponents } from "../wgsl/precision.js";

/** Of a workgroup: its lanes, those that share an output, and the outputs. */
const [groupLanes, lanes] = [64, 8];
const groupOutputs = groupLanes / lanes;

export interface FewRows extends Finish {
  readonly storedType: string;
  readonly precision: Precision;
  /** Rows that are multiplied with a chunk once it is decoded; no more than the lanes of an output. */
  readonly rows: number;
  /** Outputs of each weight, of which there are three at most. */
  readonly outputs: readonly number[];
  /** Two weights of the same shape: the activation of the first one's product is multiplied with the second's. */
  readonly isGated: boolean;
  /** Whether x has a norm; only in f32. */
  readonly isNormed: boolean;
}

export function fewRowsProgram(
  backend: WebGpuBackend,
  kind: FewRows,
  [N, O]: [N: number, O: number],
): Program {
  const { storedType, precision, rows, outputs, isGated, isNormed } = kind;
  const groups = outputs.map((count) => Math.ceil(count / groupOutputs));
  const [x, y] = foldDispatch(isGated ? groups[0]! : groups.reduce((sum, count) => sum + count), backend);
  const variableNames = [
    "x",
    ...buffersOf(outputs.length),
    ...(isNormed ? ["weight"] : []),
    ...finishVariables(kind),
  ];
  return {
    variableNames,
    variableComponents: variableNames.map((name) =>
      name === "x" ? stateComponents[precision] : name === "weight" ? 4 : 1,
    ),
    outputShape: [N, O],
    workgroupSize: [groupLanes, 1, 1],
    dispatch: [x, y, Math.ceil(N / rows)],
    dispatchLayout: { x: [1], y: [0] },
    shaderKey: `amulet-few-rows-${storedType}-${precision}-${rows}-${outputs.length}-${isGated}-${isNormed}-${finishKey(kind)}`,
    uniforms: `first : i32, epsilon : f32,`,
    getUserCode: () =>
      `${decoderOf(storedType, buffersOf(outputs.length))}${multiplication[precision]}${userCode(kind)}`,
  };
}

const repeat = (count: number, line: (i: number) => string) =>
  Array.from({ length: count }, (_, i) => line(i)).join("\n");

/** Sums of the product's rows; then, where it is gated, of the other's; then, where x is normed, of its squares. */
function userCode(kind: FewRows): string {
  const { rows, outputs, isGated, isNormed, activation } = kind;
  const products = isGated ? 2 : 1;
  const sets = products + (isNormed ? 1 : 0);
  const gate = isGated ? activations[activation!] : "";
  return /* wgsl */ `${gate}${finishCode(isGated ? { ...kind, activation: undefined } : kind)}
var<workgroup> sums: array<f32, ${groupLanes * rows * sets}>;

fn main() {
  let lane = localIndex % ${lanes}u;
  let own = localIndex / ${lanes}u;
  var group = workgroupId.y * numWorkgroups.x + workgroupId.x;
  var outputs = u32(uniforms.blocksShape.x);
  var column = u32(uniforms.first);
  ${isGated ? "" : repeat(outputs.length - 1, takePart)}
  let output = group * ${groupOutputs}u + own;
  column += output;
  let firstRow = workgroupId.z * ${rows}u;
  let isThere = output < outputs;
  ${repeat(rows * sets, (n) => `var sum${n} = 0.0;`)}
  var factor = 1.0;
  ${isGated ? "var gatedFactor = 1.0;" : ""}
  if (isThere) {
    let row = output * u32(uniforms.blocksShape.y);
    let last = u32(uniforms.xShape.x) - 1u;
    ${isGated ? "part = 1u; gatedFactor = factorOf(row); part = 0u;" : ""}
    factor = factorOf(row);
    ${repeat(rows, (n) => `let x${n} = foursFrom(min(firstRow + ${n}u, last));`)}
    for (var chunk = lane; chunk < rowLength() / 8u; chunk += ${lanes}u) {
      ${isGated ? "part = 0u;" : ""}
      let numbers = decode(row, chunk);
      ${isGated ? "part = 1u; let gated = decode(row, chunk);" : ""}
      for (var j = 0u; j < 8u; j++) {
        let four = narrowed(numbers[j], factor);
        ${isGated ? "let gatedFour = narrowed(gated[j], gatedFactor);" : ""}
        ${isNormed ? "let normWeight = weight[8u * chunk + j];" : ""}
        ${repeat(rows, (n) => addRow(n, kind))}
      }
    }
  }
  ${repeat(rows * sets, (n) => `sums[${n * groupLanes}u + localIndex] = sum${n};`)}
  workgroupBarrier();
  // Each of the first lanes adds up what all have of a row.
  if (lane < ${rows}u) {
    var sum = widened(sumOf(lane, own), factor, firstRow + lane);
    ${isGated ? `var other = widened(sumOf(${rows}u + lane, own), gatedFactor, firstRow + lane);` : ""}
    ${isNormed ? divide(rows * products, isGated) : ""}
    ${isGated ? "sum = activate(sum) * other;" : ""}
    store(isThere, firstRow + lane, column, sum);
  }
}

fn sumOf(which: u32, own: u32) -> f32 {
  var sum = 0.0;
  for (var i = 0u; i < ${lanes}u; i++) { sum += sums[which * ${groupLanes}u + own * ${lanes}u + i]; }
  return sum;
}

fn store(isThere: bool, n: u32, column: u32, sum: f32) {
  if (isThere && n < u32(uniforms.outShape.x)) {
    result[n * u32(uniforms.outShape.y) + column] = finished(sum, n, column);
  }
}
`;
}

/** Workgroups of a further weight come behind those of the ones before. */
const takePart = (before: number) => /* wgsl */ `
  let groups${before} = (outputs + ${groupOutputs - 1}u) / ${groupOutputs}u;
  if (part == ${before}u && group >= groups${before}) {
    part = ${before + 1}u;
    group -= groups${before};
    column += outputs;
    outputs = u32(uniforms.${buffersOf(before + 2)[before + 1]}Shape.x);
  }
`;

function addRow(n: number, { rows, isGated, isNormed }: FewRows): string {
  const state = `statesAt(x${n} + 8u * chunk + j)`;
  if (!isNormed && !isGated) return `sum${n} += product(four, ${state});`;
  const products = isGated ? 2 : 1;
  const by = isNormed ? `(state${n} * normWeight)` : `state${n}`;
  return `let state${n} = ${state};
    sum${n} += product(four, ${by});
    ${isGated ? `sum${rows + n} += product(gatedFour, ${by});` : ""}
    ${isNormed ? `sum${products * rows + n} += product(state${n}, state${n});` : ""}`;
}

const divide = (squaresFrom: number, isGated: boolean) => /* wgsl */ `
    let root = inverseSqrt(sumOf(${squaresFrom}u + lane, own) / f32(uniforms.xShape.y) + uniforms.epsilon);
    sum *= root;
    ${isGated ? "other *= root;" : ""}
`;
