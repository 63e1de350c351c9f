/** What a program enables, on a device that only looks at the code. */
import { expect, test } from "vitest";
import { putDirectivesFirst } from "../src/webgpu/webgpu-directives.js";

/** The code that a device gets of a program. */
function codeFor(code: string): string {
  const device = {
    seen: "",
    createShaderModule({ code }: { readonly code: string }): object {
      this.seen = code;
      return {};
    },
  };
  putDirectivesFirst(device);
  device.createShaderModule({ code });
  return device.seen;
}

test("directives come first, each once, and leave the rest as it was", () => {
  const code =
    "struct A { x: i32 };\n  enable f16;\nfn one() {}\nenable f16;\n// enable is a word\nfn two() {}";
  expect(codeFor(code)).toBe(
    "enable f16;\nstruct A { x: i32 };\n\nfn one() {}\n\n// enable is a word\nfn two() {}",
  );
});

test("a program that enables nothing is not touched", () => {
  const code = "fn main() { let enabled = 1; }";
  expect(codeFor(code)).toBe(code);
});
