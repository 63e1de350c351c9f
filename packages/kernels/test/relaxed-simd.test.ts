/** Which build of the kernels runs where, and that finding out leaves the process as it was. */
import { expect, test } from "vitest";
import * as binary from "#binary";
import { hasRelaxedSimd, makeModule } from "../src/memory/relaxed-simd.js";
import { bytesOf, validate } from "../src/memory/webassembly.js";

const code = bytesOf(binary.unsharedRelaxed);
const [major, minor] = process.versions.node.split(".").map(Number) as [number, number];

test("relaxed SIMD is found on Node 22 and later, and on 20 from 20.16 on", () => {
  expect(hasRelaxedSimd()).toBe(major >= 21 || minor >= 16);
});

test("where a flag stands before it, modules are made, and nobody else's are", () => {
  const wasThere = validate(code);
  expect(wasThere).toBe(major >= 21);
  if (hasRelaxedSimd()) expect(() => makeModule(code)).not.toThrow();
  expect(validate(code)).toBe(wasThere);
});
