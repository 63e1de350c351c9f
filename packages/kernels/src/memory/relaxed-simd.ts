/**
 * Relaxed SIMD: a multiplication and an addition by one instruction. Platforms have it since 2023, Node since 22. Node 20's V8 has
 * all of it behind a flag, which is asked for when a module is made, and not when it compiles more or goes to a thread: it is set for
 * these moments and taken back, so that nothing else sees it but what another thread makes just then. (Under V8's
 * `--wasm-lazy-validation` a module asks later, and under `--freeze-flags-after-init` no flag may be set; nobody sets these by default.)
 */
import * as binary from "#binary";
import { bytesOf, Module, validate, type WasmModule } from "./webassembly.js";

const flag = "experimental-wasm-relaxed-simd";

interface V8 {
  setFlagsFromString(flags: string): void;
}

/** Where V8 has the flag: Node 20, from 20.16 on, where modules of Node are to be had without waiting. */
function v8WithFlag(): V8 | undefined {
  if (typeof process === "undefined" || !process.versions?.v8?.startsWith("11.3.")) return undefined;
  return process.getBuiltinModule?.("node:v8");
}

function underFlag<T>(act: () => T): T {
  const v8 = v8WithFlag();
  v8?.setFlagsFromString(`--${flag}`);
  try {
    return act();
  } finally {
    v8?.setFlagsFromString(`--no-${flag}`);
  }
}

function find(): "here" | "flagged" | "missing" {
  const code = bytesOf(binary.unsharedRelaxed);
  if (validate(code)) return "here";
  return underFlag(() => validate(code)) ? "flagged" : "missing";
}

let found: ReturnType<typeof find> | undefined;

const known = () => (found ??= find());

export function hasRelaxedSimd(): boolean {
  return known() !== "missing";
}

/** A module of code that may have its instructions. */
export function makeModule(code: Uint8Array): WasmModule {
  return known() === "flagged" ? underFlag(() => new Module(code)) : new Module(code);
}
