/** Settings of Gemma 3 that its fixture leaves at their defaults, held by identities. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { startBackend } from "@amulet-ts/backends";
import { openSafetensors } from "@amulet-ts/files";
import { loadModel } from "@amulet-ts/models";
import { f32, writeSafetensors } from "@amulet-ts/testing/files/checkpoint-writer";
import {
  distance,
  loadFixture,
  loadRewritten,
  prefill,
  rewriteFolder,
  toleranceBetweenRuns,
} from "@amulet-ts/testing/reference/checkpoints";
import { fixture } from "@amulet-ts/testing/reference/fixture";
import { beforeAll, describe, expect, test } from "vitest";

const folder = "gemma3-text";
const ids = Array.from({ length: 20 }, (_, t) => (t * t * 31 + t * 13 + 5) % 288);

/** Logits of the fixture with some settings changed. */
async function logitsWith(settings: Record<string, unknown>): Promise<Float32Array[]> {
  using model = await loadRewritten(folder, { "config.json": (config) => ({ ...config, ...settings }) });
  return prefill(model, ids);
}

describe("Gemma 3", () => {
  const tolerance = toleranceBetweenRuns(folder, [ids]);
  beforeAll(async () => {
    await startBackend("wasm");
  });

  test("logits under a soft cap c are c·tanh(logits/c)", async () => {
    const capped = await logitsWith({ final_logit_softcapping: 3 });
    const expected = (await logitsWith({})).map((row) => row.map((x) => 3 * Math.tanh(x / 3)));
    expect(distance(capped, expected)).toBeLessThanOrEqual(tolerance);
  });

  test("a soft cap on scores that is near 0 makes attention as even as a scale near 0", async () => {
    const capped = await logitsWith({ attn_logit_softcapping: 1e-6 });
    const even = await logitsWith({ query_pre_attn_scalar: 1e20 });
    expect(distance(capped, even)).toBeLessThanOrEqual(tolerance);
    expect(distance(capped, await logitsWith({}))).toBeGreaterThan(0.1);
  });

  test("a soft cap far above the scores changes nothing", async () => {
    const capped = await logitsWith({ attn_logit_softcapping: 1e5, final_logit_softcapping: 1e5 });
    expect(distance(capped, await logitsWith({}))).toBeLessThanOrEqual(tolerance);
  });

  test("four times the query scalar with twice the query norms gives the same logits", async () => {
    const copy = await rewriteFolder(
      folder,
      { "config.json": (config) => ({ ...config, query_pre_attn_scalar: 64 }) },
      ["model.safetensors"],
    );
    await writeFile(join(copy, "model.safetensors"), await doubleQueryNorms());
    using model = await loadModel(copy);
    using original = await loadFixture(folder);
    expect(distance(await prefill(model, ids), await prefill(original, ids))).toBeLessThanOrEqual(tolerance);
  });

  test("scaled rotations of older configs are those of the full layers alone", async () => {
    const scaling = { rope_type: "linear", factor: 8 };
    const newer = await logitsWith({
      rope_parameters: {
        full_attention: { rope_theta: 1_000_000, ...scaling },
        sliding_attention: { rope_theta: 10_000, rope_type: "default" },
      },
    });
    const older = await logitsWith({
      rope_parameters: null,
      rope_theta: 1_000_000,
      rope_local_base_freq: 10_000,
      rope_scaling: scaling,
    });
    expect(distance(older, newer)).toBe(0);
    expect(distance(older, await logitsWith({}))).toBeGreaterThan(0.01);
  });
});

/** The fixture's weights with w of query norms, used as 1 + w, made 1 + 2w: used twice as large. */
async function doubleQueryNorms(): Promise<Buffer> {
  const store = await openSafetensors(fixture(`checkpoints/${folder}/model.safetensors`));
  const entries = [...store.tensors].map(async ([name, tensor]) => {
    const values = await tensor.read();
    const doubled = name.endsWith("q_norm.weight") ? values.map((w) => 1 + 2 * w) : values;
    return [name, { dtype: "F32", shape: tensor.shape, data: f32(...doubled) }] as const;
  });
  const tensors = Object.fromEntries(await Promise.all(entries));
  await store.close();
  return writeSafetensors(tensors);
}
