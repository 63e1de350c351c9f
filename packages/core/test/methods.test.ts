import { expect, test } from "vitest";
import {
  adaCadMethod,
  amuletExactMethod,
  amuletMethod,
  baseMethod,
  boundedMethod,
  coSteerMethod,
  guidanceMethod,
  linearAlignmentMethod,
  nwcadMethod,
  preferenceMethod,
  promptCdMethod,
  withMinP,
  withPlausibility,
  withTopNSigma,
} from "../src/index.js";

/**
 * The names are what `--method` takes and what reports print; which prompts are read decides what is computed. Methods
 * are made in their test, so that one that refuses its own settings fails it.
 */
test.each([
  [() => baseMethod(), "base", "base", 0],
  [() => preferenceMethod(), "pref", "preference", 1],
  [() => linearAlignmentMethod(), "la", "both", 3],
  [() => linearAlignmentMethod(0.5), "la", "both", 1.5],
  [() => guidanceMethod(2), "guidance", "both", 2],
  [() => guidanceMethod(2, "mine"), "mine", "both", 2],
  [() => amuletMethod(), "amulet", "both", 5.648699006951202],
  [() => amuletExactMethod(), "amulet-exact", "both", 5.648699006951202],
  [() => boundedMethod(0.1), "bounded", "both", undefined],
  [() => adaCadMethod(), "adacad", "both", undefined],
  [() => nwcadMethod(), "nwcad", "both", undefined],
  [() => promptCdMethod(), "promptcd", "both", undefined],
  [() => coSteerMethod(), "costeer", "both", 1.7832568430850788],
  [() => withMinP(amuletMethod(), 0.1), "amulet+min-p", "both", 5.648699006951202],
  [() => withTopNSigma(preferenceMethod(), 1), "pref+top-n-sigma", "preference", 1],
  [() => withPlausibility(amuletMethod()), "amulet+plausibility", "both", 5.648699006951202],
  [() => withPlausibility(baseMethod()), "base+plausibility", "both", 0],
  [() => withPlausibility(preferenceMethod()), "pref+plausibility", "preference", 1],
] as const)("%# a method has its name, what it reads and its x", (make, name, reads, scale) => {
  const method = make();
  expect([method.name, method.reads, method.guidanceScale]).toEqual([name, reads, scale]);
});

test.each([
  [() => withMinP(amuletMethod(), 0.1), { share: 0.1 }],
  [() => withPlausibility(adaCadMethod(), 0.8), { mass: 0.8 }],
  [() => promptCdMethod(), { share: 0.1 }],
  [() => withTopNSigma(boundedMethod(0.1), 1), "whole"],
  [() => withMinP(withTopNSigma(amuletMethod(), 1), 0.1), "whole"],
  [() => nwcadMethod(), undefined],
  [() => nwcadMethod(undefined, withMinP(amuletMethod(), 0.2)), { share: 0.2 }],
])("%# a mask makes do with the tokens that it may keep, unless one looks at all of them", (make, needs) => {
  expect(make().needs).toEqual(needs);
});
