/** An activation of every number of x, and with `up` its product with that: `[N, F]` each. */
import type { Program } from "../backend.js";
import { type Activation, activations } from "../wgsl/activations.js";

export function activateProgram(shape: number[], activation: Activation, isGated: boolean): Program {
  const variableNames = isGated ? ["x", "up"] : ["x"];
  return {
    variableNames,
    variableComponents: variableNames.map(() => 1),
    outputShape: shape,
    workgroupSize: [64, 1, 1],
    dispatch: [Math.ceil((shape[0]! * shape[1]!) / 64), 1, 1],
    dispatchLayout: { x: [0, 1] },
    shaderKey: `amulet-activate-${activation}-${isGated}`,
    getUserCode: () => /* wgsl */ `${activations[activation]}
fn main(index: i32) {
  if (index >= uniforms.outShape.x * uniforms.outShape.y) { return; }
  result[index] = activate(x[index])${isGated ? " * up[index]" : ""};
}
`,
  };
}
