import { expect, test } from "vitest";
import {
  amuletExactMethod,
  amuletMethod,
  baseMethod,
  boundedMethod,
  guidanceMethod,
  linearAlignmentMethod,
  preferenceMethod,
  withPlausibility,
} from "../src/index.js";

/** The names are what `--method` takes and what reports print; which prompts are read decides what is computed. */
test.each([
  [baseMethod(), "base", "base", 0],
  [preferenceMethod(), "pref", "preference", 1],
  [linearAlignmentMethod(), "la", "both", 3],
  [linearAlignmentMethod(0.5), "la", "both", 1.5],
  [guidanceMethod(2), "guidance", "both", 2],
  [guidanceMethod(2, "mine"), "mine", "both", 2],
  [amuletMethod(), "amulet", "both", 5.648699006951202],
  [amuletExactMethod(), "amulet-exact", "both", 5.648699006951202],
  [boundedMethod(0.1), "bounded", "both", undefined],
  [withPlausibility(amuletMethod()), "amulet+plausibility", "both", 5.648699006951202],
  [withPlausibility(baseMethod()), "base+plausibility", "both", 0],
  [withPlausibility(preferenceMethod()), "pref+plausibility", "preference", 1],
] as const)("%# a method has its name, what it reads and its x", (method, name, reads, scale) => {
  expect([method.name, method.reads, method.guidanceScale]).toEqual([name, reads, scale]);
});
