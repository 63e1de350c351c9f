import { attendChunk } from "./attention";
import { job } from "./layout";
import { productChunk } from "./product";

/** Runs one chunk of the job that is written. @param thread whose scratch it takes */
export function runChunk(chunk: i32, thread: i32): void {
  const scratch = <usize>load<u32>(job, 4) + <usize>thread * <usize>load<u32>(job, 8);
  if (load<i32>(job) == 0) productChunk(chunk, scratch);
  else attendChunk(chunk, scratch);
}
