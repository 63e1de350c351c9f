/** A processor that plays a graphics card is a hundred times slower: there a property gets a tenth of its cases. */

import { casesOn } from "@amulet-ts/testing/backends/under-test";
import type * as fastCheck from "fast-check";
import { vi } from "vitest";

// Not fast-check's own limit of time: it abandons a case that is under way, and with it the tensors of that case.
vi.mock("fast-check", async (load) => {
  const original = await load<typeof fastCheck & { default: typeof fastCheck }>();
  const assert = (property: fastCheck.IRawProperty<unknown>, options: fastCheck.Parameters<unknown> = {}) =>
    original.assert(property, { ...options, numRuns: casesOn(options.numRuns ?? 100) });
  return { ...original, assert, default: { ...original.default, assert } };
});
