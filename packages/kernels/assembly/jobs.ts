import { attendChunk } from "./attention";
import { job } from "./layout";
import { productChunk } from "./product";
import { activateRows, addRows, appendTokens, layerNormRows, prepareRows, rmsNormRows } from "./row-jobs";

/** Runs one chunk of the job that is written; src/pool/program.ts names the kinds. @param thread whose scratch it takes */
export function runChunk(chunk: i32, thread: i32): void {
  const scratch = <usize>load<u32>(job, 4) + <usize>thread * <usize>load<u32>(job, 8);
  switch (load<i32>(job)) {
    case 0:
      return productChunk(chunk, scratch);
    case 1:
      return attendChunk(chunk, scratch);
    case 2:
      return rmsNormRows(chunk);
    case 3:
      return layerNormRows(chunk);
    case 4:
      return activateRows(chunk);
    case 5:
      return addRows(chunk);
    case 6:
      return appendTokens(chunk);
    case 7:
      return prepareRows(chunk);
    default:
      unreachable();
  }
}
