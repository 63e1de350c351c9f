/** The suite that `npm test` and the extra tests share, with few cases and with many. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as core from "@amulet-ts/core";
import * as models from "@amulet-ts/models";
import { withoutLeaks } from "@amulet-ts/testing/backends/no-leaks";
import { makeFolder, writeGguf } from "@amulet-ts/testing/files/checkpoint-writer";
import { tinyLlama } from "@amulet-ts/testing/models/tiny-llama";
import { expect, test } from "vitest";
import { coreCalls, modelsCalls } from "./calls.js";
import { functionsOf, tryCalls } from "./try-calls.js";

/** @param counts cases for each package, one seed each */
export function tryWrongValues(counts: { readonly core: number; readonly models: number }): void {
  withoutLeaks("cpu");

  test("every function that is exported is tried: a new one needs a line in wrong-values/calls.ts", () => {
    expect(Object.keys(coreCalls).toSorted()).toEqual(functionsOf(core).toSorted());
    expect(Object.keys(modelsCalls("")).toSorted()).toEqual(functionsOf(models).toSorted());
  });

  test(`core, ${counts.core} cases`, async () => {
    expect(await tryCalls(core, coreCalls, counts.core)).toEqual([]);
  });

  test(`models, ${counts.models} cases`, async () => {
    const path = join(await makeFolder(), "tiny.gguf");
    await writeFile(path, writeGguf(tinyLlama()));
    expect(await tryCalls(models, modelsCalls(path), counts.models)).toEqual([]);
  });
}
