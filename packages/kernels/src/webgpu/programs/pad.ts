/** Rows with zeros behind them, to whole chunks: `[N, I]` of a narrower x. */
import type { Program } from "../backend.js";

export function padProgram([N, I]: [N: number, I: number]): Program {
  return {
    variableNames: ["x"],
    variableComponents: [1],
    outputShape: [N, I],
    workgroupSize: [64, 1, 1],
    dispatch: [Math.ceil((N * I) / 64), 1, 1],
    dispatchLayout: { x: [0, 1] },
    shaderKey: "amulet-pad",
    getUserCode: () => /* wgsl */ `
fn main(index: i32) {
  if (index >= uniforms.outShape.x * uniforms.outShape.y) { return; }
  let row = index / uniforms.outShape.y;
  let column = index % uniforms.outShape.y;
  let width = uniforms.xShape.y;
  result[index] = select(0.0, x[row * width + min(column, width - 1)], column < width);
}
`,
  };
}
