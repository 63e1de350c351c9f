/** What becomes of the sum of a product before it is stored: what it is added to, biases side by side, an activation. */
import { type Activation, activations } from "./activations.js";

export interface Finish {
  /** Tensors of biases, as many numbers together as outputs. */
  readonly biases: 0 | 1 | 2;
  /** Whether `y`, of the result's shape, is added. */
  readonly adds: boolean;
  readonly activation?: Activation | undefined;
}

export function finishVariables({ biases, adds }: Finish): string[] {
  return [...["bias", "otherBias"].slice(0, biases), ...(adds ? ["y"] : [])];
}

/** WGSL's `finished(sum, n, column)`, for a column of the whole result. */
export function finishCode({ biases, adds, activation }: Finish): string {
  const last = "bias[column]";
  const either =
    "if (column < u32(uniforms.biasShape)) { whole += bias[column]; } else { whole += otherBias[column - u32(uniforms.biasShape)]; }";
  return /* wgsl */ `${activation ? activations[activation] : ""}
fn finished(sum: f32, n: u32, column: u32) -> f32 {
  var whole = sum${adds ? " + y[n * u32(uniforms.outShape.y) + column]" : ""};
  ${biases === 1 ? `whole += ${last};` : ""}${biases === 2 ? either : ""}
  return ${activation ? "activate(whole)" : "whole"};
}
`;
}

export const finishKey = ({ biases, adds, activation }: Finish): string => `${biases}-${adds}-${activation}`;
