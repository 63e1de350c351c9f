/**
 * Attention of new tokens over pages that have their own keys and values already. A workgroup has a query of one head, and goes
 * over what it sees in tiles: a lane has tokens when scores are made, and channels when values are mixed; the softmax is taken on
 * the way, against the largest score so far. Letters and variables as in heads.ts; result: `[N, H·K]`.
 */
import { tokensOfPage } from "../../fused/pages.js";
import { foldDispatch, type Program, type WebGpuBackend } from "../backend.js";
import { type HeadSizes, headCode, headKey, headVariables } from "./heads.js";

const lanes = 64;

/** Tokens of a tile. */
const tile = 256;

export function attendProgram(backend: WebGpuBackend, sizes: HeadSizes, N: number): Program {
  const variableNames = [...headVariables(sizes), "pages"];
  return {
    variableNames,
    variableComponents: variableNames.map(() => 1),
    outputShape: [N, sizes.heads * sizes.headWidth],
    workgroupSize: [lanes, 1, 1],
    dispatch: [...foldDispatch(N * sizes.heads, backend), 1],
    dispatchLayout: { x: [1], y: [0] },
    shaderKey: `amulet-attend-${headKey(sizes)}`,
    uniforms: "epsilon : f32, scale : f32, window : i32,",
    getUserCode: () => `${headCode(sizes)}${userCode(sizes)}`,
  };
}

function userCode({ heads, groups, headWidth }: HeadSizes): string {
  const own = Math.ceil(headWidth / lanes);
  return /* wgsl */ `
var<workgroup> query: array<f32, ${headWidth}>;
var<workgroup> scores: array<f32, ${tile}>;
var<workgroup> tops: array<f32, ${lanes}>;
// The first and the last but one that the query sees.
var<workgroup> seen: vec2u;

fn main() {
  let unit = workgroupId.y * numWorkgroups.x + workgroupId.x;
  let isThere = unit < u32(uniforms.xShape.x) * ${heads}u;
  let n = select(0u, unit / ${heads}u, isThere);
  let head = unit % ${heads}u;
  let group = head / ${heads / groups}u;
  let pageTable = u32(table[2u * n + 1u]);
  if (localIndex == 0u) {
    let end = u32(table[2u * n]);
    seen = vec2u(end - min(end, u32(uniforms.window)), end);
  }
  let factor = factorOf(n, head) * uniforms.scale;
  for (var i = localIndex; i < ${headWidth / 2}u; i += ${lanes}u) {
    let pair = turned(n, head, i, factor);
    query[i] = pair.x;
    query[i + ${headWidth / 2}u] = pair.y;
  }
  // One value for all lanes, which have met when they have it.
  let range = workgroupUniformLoad(&seen);
  var most = -3.0e38;
  var total = 0.0;
  var mixed: array<f32, ${own}>;
  for (var begin = range.x; begin < range.y; begin += ${tile}u) {
    let count = min(${tile}u, range.y - begin);
    var top = -3.0e38;
    for (var t = localIndex; t < count; t += ${lanes}u) {
      scores[t] = scoreOf(pageTable, group, begin + t);
      top = max(top, scores[t]);
    }
    tops[localIndex] = top;
    workgroupBarrier();
    top = most;
    for (var i = 0u; i < min(count, ${lanes}u); i++) { top = max(top, tops[i]); }
    for (var t = localIndex; t < count; t += ${lanes}u) { scores[t] = exp(scores[t] - top); }
    let shrink = select(exp(most - top), 0.0, begin == range.x);
    most = top;
    total *= shrink;
    for (var j = 0u; j < ${own}u; j++) { mixed[j] *= shrink; }
    workgroupBarrier();
    var t = 0u;
    while (t < count) {
      let page = pageAt(pageTable, begin + t);
      let end = min(count, t + ${tokensOfPage}u - (begin + t) % ${tokensOfPage}u);
      for (; t < end; t++) {
        total += scores[t];
        for (var j = 0u; j < ${own}u; j++) {
          let channel = min(localIndex + ${lanes}u * j, ${headWidth - 1}u);
          mixed[j] += scores[t] * pages[valueAt(page, group, channel, begin + t)];
        }
      }
    }
    workgroupBarrier();
  }
  for (var j = 0u; j < ${own}u; j++) {
    let channel = localIndex + ${lanes}u * j;
    if (isThere && channel < ${headWidth}u) { result[unit * ${headWidth}u + channel] = mixed[j] / total; }
  }
}

fn scoreOf(pageTable: u32, group: u32, position: u32) -> f32 {
  let key = keyAt(pageAt(pageTable, position), group, 0u, position);
  var score = 0.0;
  for (var i = 0u; i < ${headWidth}u; i++) { score += query[i] * pages[key + ${tokensOfPage}u * i]; }
  return score;
}
`;
}
