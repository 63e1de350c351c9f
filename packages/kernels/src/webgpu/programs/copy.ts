/** Copies of pages: those of a buffer to a larger one, and one page to another in the same buffer. */
import type { Program } from "../backend.js";

const lanes = 64;

const flat = (shape: number[], count: number) => ({
  variableComponents: [1],
  outputShape: shape,
  workgroupSize: [lanes, 1, 1] as [number, number, number],
  dispatch: [Math.ceil(count / lanes), 1, 1] as [number, number, number],
  dispatchLayout: { x: [0, 1] },
});

/** What `x` holds to the beginning of the result, which is at least as large and as wide. */
export function copyProgram(shape: number[]): Program {
  return {
    ...flat(shape, shape[0]! * shape[1]!),
    variableNames: ["x"],
    shaderKey: "amulet-copy",
    getUserCode: () => /* wgsl */ `
fn main(index: i32) {
  if (index < uniforms.xShape.x * uniforms.xShape.y) { result[index] = x[index]; }
}
`,
  };
}

/** Row `from` of the result to its row `to`. */
export function copyPageProgram(shape: number[], width: number): Program {
  return {
    ...flat(shape, width),
    variableNames: [],
    shaderKey: "amulet-copy-page",
    uniforms: "source : i32, place : i32,",
    getUserCode: () => /* wgsl */ `
fn main(index: i32) {
  let width = uniforms.outShape.y;
  if (index < width) { result[uniforms.place * width + index] = result[uniforms.source * width + index]; }
}
`,
  };
}
