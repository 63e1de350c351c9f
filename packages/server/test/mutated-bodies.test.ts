/** A share of the 10,000 of `extra/mutated-bodies.extra.ts`. */
import { withoutLeaks } from "@amulet-ts/testing/backends/no-leaks";
import { expect, test } from "vitest";
import { tryMutations } from "./mutated-bodies.js";
import { closesServers } from "./serving.js";

withoutLeaks("wasm");
closesServers();

test("200 mutated bodies: refused with a reason, or answered rightly", async () => {
  expect(await tryMutations(Array.from({ length: 200 }, (_, seed) => seed))).toEqual([]);
});
