/**
 * A flag that llama.cpp looks at while it computes: its callback is a function of the library itself, so that no thread
 * waits for JavaScript. `ggml_is_empty` is true of a tensor with an axis of 0, and this tensor is all zeros or all ones.
 */
import { EngineError } from "../../errors.js";
import type { Pointer } from "./koffi.js";
import type { Llama } from "./library.js";

/** More than a tensor of ggml takes. */
const bytes = 1024;

export class StopFlag {
  readonly address: Pointer;
  private readonly view: Uint8Array;

  /** @throws EngineError `missing-engine` where the callback does not read the flag */
  constructor(private readonly llama: Llama) {
    const { koffi, native } = llama;
    this.address = koffi.alloc("uint8", bytes);
    this.view = new Uint8Array(koffi.view(this.address, bytes));
    this.raise();
    const isHeard = native.ggml_is_empty(this.address);
    this.lower();
    if (isHeard && !native.ggml_is_empty(this.address)) return;
    this.free();
    throw new EngineError("missing-engine", "This ggml tells no empty tensor: install @node-llama-cpp anew.");
  }

  raise(): void {
    this.view.fill(0);
  }

  lower(): void {
    this.view.fill(1);
  }

  free(): void {
    this.llama.koffi.free(this.address);
  }
}
