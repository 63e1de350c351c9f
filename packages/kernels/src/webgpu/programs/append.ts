/**
 * Puts keys, normed and turned, and values of new tokens into a block's pages, in place. A lane has two channels of a key and two
 * of a value. Letters and variables as in heads.ts; result: the pages.
 */
import type { Program } from "../backend.js";
import { type HeadSizes, headCode, headKey, headVariables } from "./heads.js";

/** @param shape of the pages */
export function appendProgram(sizes: HeadSizes, N: number, shape: number[]): Program {
  const variableNames = headVariables(sizes);
  const lanes = (N * sizes.groups * sizes.headWidth) / 2;
  return {
    variableNames,
    variableComponents: variableNames.map(() => 1),
    outputShape: shape,
    workgroupSize: [64, 1, 1],
    dispatch: [Math.ceil(lanes / 64), 1, 1],
    dispatchLayout: { x: [0, 1] },
    shaderKey: `amulet-append-${headKey(sizes)}`,
    uniforms: "epsilon : f32,",
    getUserCode: () => `${headCode(sizes)}${userCode(sizes)}`,
  };
}

function userCode({ heads, groups, headWidth }: HeadSizes): string {
  const half = headWidth / 2;
  return /* wgsl */ `
fn main(index: i32) {
  let i = u32(index) % ${half}u;
  let group = u32(index) / ${half}u % ${groups}u;
  let n = u32(index) / ${half * groups}u;
  if (n >= u32(uniforms.xShape.x)) { return; }
  let position = u32(table[2u * n]) - 1u;
  let page = pageAt(u32(table[2u * n + 1u]), position);
  let key = turned(n, ${heads}u + group, i, factorOf(n, ${heads}u + group));
  result[keyAt(page, group, i, position)] = key.x;
  result[keyAt(page, group, i + ${half}u, position)] = key.y;
  let value = n * u32(uniforms.xShape.y) + (${heads + groups}u + group) * ${headWidth}u + 2u * i;
  let place = valueAt(page, group, 2u * i, position);
  result[place] = x[value];
  result[place + 1u] = x[value + 1u];
}
`;
}
