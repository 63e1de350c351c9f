/**
 * Heads of one token as they attend: the root mean square's norm where there is one, then a turn. H query heads · G key/value heads ·
 * K: width of a head · Q = (H + 2G)·K · T: what tells where tokens are.
 *
 * x: `[N, Q]`, queries, keys and values side by side · angles: `[N, K]`, cosines, then sines · weight: `[(H + G)·K]` ·
 * table: `[T]`, of each token how many tokens its row has up to it, and where in the table its row's pages begin.
 */
import { pageShift, tokensOfPage } from "../../fused/pages.js";

export interface HeadSizes {
  readonly heads: number;
  readonly groups: number;
  readonly headWidth: number;
  readonly isNormed: boolean;
}

export function headVariables({ isNormed }: HeadSizes): string[] {
  return ["x", "angles", "table", ...(isNormed ? ["weight"] : [])];
}

export const headKey = ({ heads, groups, headWidth, isNormed }: HeadSizes): string =>
  `${heads}-${groups}-${headWidth}-${isNormed}`;

/** WGSL: a head's channel i and i + K/2, turned; where a token's keys and values lie. */
export function headCode({ heads, groups, headWidth, isNormed }: HeadSizes): string {
  const half = headWidth / 2;
  const numbers = (heads + 2 * groups) * headWidth;
  return /* wgsl */ `
// One for a head that has no norm.
fn factorOf(n: u32, head: u32) -> f32 {
  ${isNormed ? squares(numbers, headWidth) : "return 1.0;"}
}

fn turned(n: u32, head: u32, i: u32, factor: f32) -> vec2f {
  let at = n * ${numbers}u + head * ${headWidth}u + i;
  var pair = factor * vec2f(x[at], x[at + ${half}u]);
  ${isNormed ? `pair *= vec2f(weight[head * ${headWidth}u + i], weight[head * ${headWidth}u + ${half}u + i]);` : ""}
  let turn = vec2f(angles[n * ${headWidth}u + i], angles[n * ${headWidth}u + ${half}u + i]);
  return vec2f(pair.x * turn.x - pair.y * turn.y, pair.y * turn.x + pair.x * turn.y);
}

// The place of a page of the row whose pages the table has from \`pages\` on.
fn pageAt(pages: u32, position: u32) -> u32 {
  return u32(table[pages + (position >> ${pageShift}u)]) * ${2 * tokensOfPage * groups * headWidth}u;
}

fn keyAt(page: u32, group: u32, channel: u32, position: u32) -> u32 {
  return page + (group * ${headWidth}u + channel) * ${tokensOfPage}u + position % ${tokensOfPage}u;
}

fn valueAt(page: u32, group: u32, channel: u32, position: u32) -> u32 {
  let token = (${groups}u + group) * ${tokensOfPage}u + position % ${tokensOfPage}u;
  return page + token * ${headWidth}u + channel;
}
`;
}

const squares = (numbers: number, headWidth: number) => /* wgsl */ `
  let at = n * ${numbers}u + head * ${headWidth}u;
  var sum = 0.0;
  for (var i = 0u; i < ${headWidth}u; i++) { sum += x[at + i] * x[at + i]; }
  return inverseSqrt(sum / ${headWidth}.0 + uniforms.epsilon);
`;
