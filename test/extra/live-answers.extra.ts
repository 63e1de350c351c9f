/** The host lives while a model answers: 200 aborts on wasm, and fewer on every other backend that is here. */
import { startBackend } from "@amulet-ts/backends";
import { describe } from "vitest";
import { holdLiveAnswers } from "../live/answers.js";

async function isHere(name: string): Promise<boolean> {
  return startBackend(name).then(
    () => true,
    () => false,
  );
}

describe("wasm", () => holdLiveAnswers("wasm", 200, "cpu"));
describe("cpu", () => holdLiveAnswers("cpu", 10, "wasm"));
// TensorFlow's library and a device of WebGPU are not everywhere.
for (const [name, aborts] of [
  ["node", 20],
  // Where a processor plays the card, an answer takes seconds.
  ["webgpu", 3],
] as const)
  describe.skipIf(!(await isHere(name)))(`${name} (where it is installed)`, () =>
    holdLiveAnswers(name, aborts, "cpu"),
  );
