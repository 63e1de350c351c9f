/**
 * Models with products in f16, as `--precision f16` opens them, against float64 and against themselves in f32: on a card with the
 * feature shader-f16, or on the driver that AMULET_F16_DRIVER names.
 */
import { startBackend } from "@amulet-ts/backends";
import { embeddedModelFolder } from "@amulet-ts/embedded-model";
import { loadModel } from "@amulet-ts/models";
import { startInHalves } from "@amulet-ts/testing/backends/half-precision";
import { withoutLeaks } from "@amulet-ts/testing/backends/no-leaks";
import { expectWithin } from "@amulet-ts/testing/backends/under-test";
import { halfProductsTolerance } from "@amulet-ts/testing/engines/float16";
import {
  checkpoints,
  distance,
  halvesOf,
  loadFixture,
  prefill,
  readReference,
  readRows,
  toleranceOf,
} from "@amulet-ts/testing/reference/checkpoints";
import { describe, expect, test } from "vitest";

const { slow, isSoftware } = await startInHalves();

/** A model's logits after every token, in either precision, as a prompt and token by token. */
async function logitsOf(path: string, ids: readonly number[], precision: "f32" | "f16") {
  await startBackend("webgpu", { precision });
  using model = await loadModel(path);
  const together = await prefill(model, ids);
  using session = model.openTensorSession(1);
  const apart: Float32Array[] = [];
  for (const id of ids) apart.push(...(await readRows(session.append([[id]]))));
  return { together, apart };
}

describe.skipIf(slow)(`products in f16${slow && ` (skipped: ${slow})`}`, () => {
  withoutLeaks("webgpu");

  test("the embedded model's logits are f32's as far as roundings go, and not bit for bit", async () => {
    const ids = Array.from({ length: 20 }, (_, i) => (37 * i * i + 11 * i + 5) % 2048);
    const tolerance = await halfProductsTolerance(ids);
    const [exact, halves] = [
      await logitsOf(embeddedModelFolder, ids, "f32"),
      await logitsOf(embeddedModelFolder, ids, "f16"),
    ];
    for (const way of ["together", "apart"] as const) {
      const apart = distance(halves[way], exact[way]);
      expectWithin(apart, tolerance);
      expect(apart).toBeGreaterThan(tolerance / 1e3);
    }
  });

  test.each(checkpoints)("%s: logits are the reference's as far as roundings go", async (folder) => {
    await startBackend("webgpu", { precision: "f16" });
    using model = await loadFixture(folder);
    for (const reference of readReference(folder).slice(0, isSoftware ? 1 : undefined)) {
      const logits = await prefill(model, reference.input_ids);
      const tolerance = toleranceOf(folder, reference, "webgpu") + halvesOf(folder, reference.input_ids);
      expectWithin(distance(logits, reference.logits), tolerance);
    }
  });
});
