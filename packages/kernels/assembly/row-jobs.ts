/** What is done to activations between products, row by row: jobs whose chunks are some rows each. */
import { activate, addTo, appendToken } from "./elementwise";
import { details } from "./layout";
import { layerNorm, rmsNorm } from "./norms";
import { prepareStates } from "./prepared-states";

// Numbers of every such job, from `details` on.
const rowCount: usize = details;
const chunkRows: usize = details + 4;
/** Those of a kind begin here. */
const own: usize = details + 8;

@inline
function firstOf(chunk: i32): i32 {
  return chunk * load<i32>(chunkRows);
}

@inline
function countOf(chunk: i32): i32 {
  return min(load<i32>(chunkRows), load<i32>(rowCount) - firstOf(chunk));
}

/** The place of a chunk's first row, of rows whose address and distance stand there. */
@inline
function rowsAt(address: usize, bytes: usize, chunk: i32): usize {
  return <usize>load<u32>(address) + <usize>firstOf(chunk) * <usize>load<u32>(bytes);
}

/** from, to, bytes, weight, width, epsilon, and how many stand side by side, each with weights of its own. */
export function rmsNormRows(chunk: i32): void {
  const bytes = <usize>load<u32>(own, 8);
  const width = load<i32>(own, 16);
  let from = rowsAt(own, own + 8, chunk);
  let to = rowsAt(own + 4, own + 8, chunk);
  let weight = <usize>load<u32>(own, 12);
  for (let left = load<i32>(own, 24); left > 0; left--) {
    rmsNorm(from, weight, to, countOf(chunk), width, bytes, load<f32>(own, 20));
    from += <usize>width << 2;
    to += <usize>width << 2;
    weight += <usize>width << 2;
  }
}

/** from, to, bytes, weight, width, epsilon, bias. */
export function layerNormRows(chunk: i32): void {
  const from = rowsAt(own, own + 8, chunk);
  const to = rowsAt(own + 4, own + 8, chunk);
  const weight = <usize>load<u32>(own, 12);
  const bias = <usize>load<u32>(own, 24);
  layerNorm(from, weight, bias, to, countOf(chunk), load<i32>(own, 16), <usize>load<u32>(own, 8), load<f32>(own, 20));
}

/** at, bytes, by (or 0), whether it is GELU. */
export function activateRows(chunk: i32): void {
  const by = load<u32>(own, 8) == 0 ? 0 : rowsAt(own + 8, own + 4, chunk);
  const bytes = <usize>countOf(chunk) * <usize>load<u32>(own, 4);
  activate(rowsAt(own, own + 4, chunk), by, bytes, load<i32>(own, 12) != 0);
}

/** to, from, bytes of a row, and from one row to the next of those that are added: 0 where one row is added to all. */
export function addRows(chunk: i32): void {
  const bytes = <usize>load<u32>(own, 8);
  const step = <usize>load<u32>(own, 12);
  let to = rowsAt(own, own + 8, chunk);
  let from = rowsAt(own + 4, own + 12, chunk);
  for (let left = countOf(chunk); left > 0; left--, to += bytes, from += step) addTo(to, from, bytes);
}

/**
 * Tokens: queries, keys and values, their distance, and from a token's beginning to its values; cosines, sines; heads, groups, half a
 * head's width; of each token where its keys go, and from there to this block's, to its values, from one group to the next.
 */
export function appendTokens(chunk: i32): void {
  const bytes = <usize>load<u32>(own, 4);
  const half = load<i32>(own, 28);
  let token = firstOf(chunk);
  for (const end = token + countOf(chunk); token < end; token++) {
    const from = <usize>load<u32>(own) + <usize>token * bytes;
    const angle = <usize>token * (<usize>half << 2);
    const keys = <usize>load<u32>(<usize>load<u32>(own, 32) + (<usize>token << 2)) + <usize>load<u32>(own, 36);
    appendToken(
      from, from + <usize>load<u32>(own, 8), <usize>load<u32>(own, 12) + angle, <usize>load<u32>(own, 16) + angle,
      load<i32>(own, 20), load<i32>(own, 24), half, keys, keys + <usize>load<u32>(own, 40), <usize>load<u32>(own, 44),
    );
  }
}

/** from, bytes of a row; to, bytes of a row; width, whether they are only turned. */
export function prepareRows(chunk: i32): void {
  let from = rowsAt(own, own + 4, chunk);
  let to = rowsAt(own + 8, own + 12, chunk);
  for (let left = countOf(chunk); left > 0; left--, from += <usize>load<u32>(own, 4), to += <usize>load<u32>(own, 12)) {
    prepareStates(from, to, load<i32>(own, 16), load<i32>(own, 20) != 0);
  }
}
