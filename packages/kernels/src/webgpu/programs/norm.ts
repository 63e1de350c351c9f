/**
 * The root mean square's norm of rows, or with a bias the layer norm; with `y` what comes is added to it. A workgroup has a row.
 *
 * x, y: `[N, D]` · weight, bias: `[D]` · result: `[N, D]`.
 */
import { foldDispatch, type Program, type WebGpuBackend } from "../backend.js";

const lanes = 64;

export interface NormKind {
  readonly hasBias: boolean;
  readonly adds: boolean;
}

export function normProgram(
  backend: WebGpuBackend,
  [N, D]: [N: number, D: number],
  { hasBias, adds }: NormKind,
): Program {
  const variableNames = ["x", "weight", ...(hasBias ? ["bias"] : []), ...(adds ? ["y"] : [])];
  return {
    variableNames,
    variableComponents: variableNames.map(() => 1),
    outputShape: [N, D],
    workgroupSize: [lanes, 1, 1],
    dispatch: [...foldDispatch(N, backend), 1],
    dispatchLayout: { x: [1], y: [0] },
    shaderKey: `amulet-norm-${hasBias}-${adds}`,
    uniforms: "epsilon : f32,",
    getUserCode: () => userCode({ hasBias, adds }),
  };
}

const userCode = ({ hasBias, adds }: NormKind) => /* wgsl */ `
var<workgroup> parts: array<f32, ${lanes}>;

// The sum of what all lanes have.
fn sumOf(own: f32) -> f32 {
  parts[localIndex] = own;
  workgroupBarrier();
  var sum = 0.0;
  for (var i = 0u; i < ${lanes}u; i++) { sum += parts[i]; }
  workgroupBarrier();
  return sum;
}

fn main() {
  let width = u32(uniforms.xShape.y);
  let n = workgroupId.y * numWorkgroups.x + workgroupId.x;
  let isThere = n < u32(uniforms.xShape.x);
  let row = select(0u, n, isThere) * width;
  ${hasBias ? sum("x[row + i]") : ""}
  let mean = ${hasBias ? "sumOf(own) / f32(width)" : "0.0"};
  ${sum("(x[row + i] - mean) * (x[row + i] - mean)", "squares")}
  let factor = inverseSqrt(sumOf(squares) / f32(width) + uniforms.epsilon);
  if (!isThere) { return; }
  for (var i = localIndex; i < width; i += ${lanes}u) {
    let normed = (x[row + i] - mean) * factor * weight[i];
    result[row + i] = ${adds ? "y[row + i] + " : ""}normed${hasBias ? " + bias[i]" : ""};
  }
}
`;

const sum = (term: string, name = "own") =>
  `var ${name} = 0.0;
  for (var i = localIndex; i < width; i += ${lanes}u) { ${name} += ${term}; }`;
