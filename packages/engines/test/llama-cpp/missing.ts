import { findBinaries } from "../../src/llama-cpp/native/find-binaries.js";
import { loadKoffi } from "../../src/llama-cpp/native/koffi.js";

/** Why llama.cpp can't be tried here; undefined where it can. */
export const missing = (await loadKoffi())
  ? await findBinaries("off").then(
      () => undefined,
      (error: Error) => error.message,
    )
  : "The package koffi is not here.";
