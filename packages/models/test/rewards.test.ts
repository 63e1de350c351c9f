/** Reward models against transformers, on bodies of the tiny checkpoints with heads that were drawn at random. */
import { rm } from "node:fs/promises";
import { checkRewardConfig, loadRewardModel, type RatedRow, type RewardModel } from "@amulet-ts/models";
import { withoutLeaks } from "@amulet-ts/testing/backends/no-leaks";
import { logitTolerance } from "@amulet-ts/testing/backends/tolerance";
import { backendsUnderTest, expectWithin } from "@amulet-ts/testing/backends/under-test";
import { readSafetensors } from "@amulet-ts/testing/files/read-safetensors";
import { fixture, readFixture } from "@amulet-ts/testing/reference/fixture";
import {
  bodyOfReward,
  type RewardFixture,
  rewardFixtures,
  writeRewardFolder,
} from "@amulet-ts/testing/reference/reward-folder";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { type Gate, mixRewards } from "../src/rewards/gate.js";

interface Case {
  readonly ids: readonly number[];
  readonly gateAt?: number;
  readonly heads: readonly number[];
  /** Of the gate's first layer, without its bias. */
  readonly products?: readonly number[];
  readonly score?: number;
  readonly float32Error: number;
}

const casesOf = (name: RewardFixture) => readFixture<Case[]>(`rewards/${name}/expected.json`);
const headsOf = (name: RewardFixture) => readSafetensors(fixture(`rewards/${name}/heads.safetensors`));

/** The body with the reward's rows, and copies of them, as the rows of an output head: what the oracle of logits reads. */
function plainModel(name: RewardFixture) {
  const body = bodyOfReward(name);
  const heads = headsOf(name);
  const rows = [
    heads.get("score.weight") ?? heads.get("regression_layer.weight"),
    heads.get("gating.layers.0.weight"),
  ];
  const config = {
    ...readFixture<{
      vocab_size: number;
      hidden_size: number;
      intermediate_size: number;
      model_type: string;
    }>(`checkpoints/${body}/config.json`),
    tie_word_embeddings: false,
  };
  const data = new Float32Array(config.vocab_size * config.hidden_size);
  const own = rows.flatMap((row) => (row ? Array.from(row.data) : []));
  for (let i = 0; i < data.length; i++) data[i] = own[i % own.length]!;
  const tensors = new Map(readSafetensors(fixture(`checkpoints/${body}/model.safetensors`)));
  tensors.set("lm_head.weight", { shape: [config.vocab_size, config.hidden_size], data });
  return { family: config.model_type, config, tensors } as unknown as Parameters<typeof logitTolerance>[0];
}

/** What float32 may do to a head's number, or to an output of the gate's first layer. */
function toleranceOf(name: RewardFixture, ids: readonly number[], backend: string): number {
  const model = plainModel(name);
  const { hidden_size, intermediate_size } = model.config as {
    hidden_size: number;
    intermediate_size: number;
  };
  return logitTolerance(
    model,
    ids,
    { longestSum: Math.max(hidden_size, intermediate_size), norms: 2 },
    backend,
  );
}

/** ArmoRM's gate, from its tensors. */
function readGate(): Gate {
  const tensors = headsOf("armorm");
  const at = (tensor: string) => Float32Array.from(tensors.get(tensor)!.data);
  const layers = [0, 1, 2, 3].map((i) => ({
    bias: at(`gating.layers.${i}.bias`),
    ...(i > 0 && { weight: at(`gating.layers.${i}.weight`) }),
  }));
  const [scale] = at("gating.logit_scale");
  return { layers, temperature: 10, scale: scale!, transform: at("reward_transform_matrix") };
}

/** What errors of that size in every number that is mixed come to, to first order: the mixture itself is float64. */
function scoreTolerance({ heads, products = [] }: Case, each: number): number {
  const gate = readGate();
  const score = mixRewards(gate, heads, products);
  const moved = (values: readonly number[], at: number) =>
    values.map((value, i) => (i === at ? value + each : value));
  const changes = [
    ...heads.map((_, i) => mixRewards(gate, moved(heads, i), products)),
    ...products.map((_, i) => mixRewards(gate, heads, moved(products, i))),
  ];
  return changes.reduce((sum, change) => sum + Math.abs(change - score), 0);
}

test("the gate mixes rewards as its definition does, from exact numbers", () => {
  for (const { heads, products = [], score } of casesOf("armorm"))
    expect(mixRewards(readGate(), heads, products)).toBeCloseTo(score!, 10);
});

describe.each(backendsUnderTest)("reward models on %s", (backend) => {
  withoutLeaks(backend);

  describe.each(rewardFixtures)("%s", (name) => {
    let folder = "";
    let model: RewardModel;
    beforeAll(async () => {
      folder = await writeRewardFolder(name);
      model = await loadRewardModel(folder);
    });
    afterAll(async () => {
      model.dispose();
      await rm(folder, { recursive: true });
    });
    const toRow = ({ ids, gateAt }: Case): RatedRow => ({ ids, ...(gateAt !== undefined && { gateAt }) });

    test("every head, and the mixture, is transformers'", async () => {
      for (const reference of casesOf(name)) {
        const [rating] = await model.rate([toRow(reference)]);
        const tolerance = toleranceOf(name, reference.ids, backend);
        expect(rating!.heads).toHaveLength(reference.heads.length);
        const worst = Math.max(...reference.heads.map((head, i) => Math.abs(head - rating!.heads[i]!)));
        expectWithin(worst, tolerance + 2 * reference.float32Error);
        if (reference.score !== undefined)
          expectWithin(
            Math.abs(rating!.score! - reference.score),
            scoreTolerance(reference, tolerance) + 2 * reference.float32Error,
          );
        else expect(rating!.score).toBe(reference.heads.length === 1 ? rating!.heads[0] : null);
      }
    });

    test("rows of unequal lengths get together what each gets alone", async () => {
      const cases = casesOf(name);
      const together = await model.rate(cases.map(toRow));
      for (const [r, reference] of cases.entries()) {
        const [alone] = await model.rate([toRow(reference)]);
        const tolerance = 2 * toleranceOf(name, reference.ids, backend);
        for (const [i, head] of alone!.heads.entries())
          expectWithin(Math.abs(head - together[r]!.heads[i]!), tolerance);
        if (reference.score !== undefined)
          expectWithin(Math.abs(alone!.score! - together[r]!.score!), scoreTolerance(reference, tolerance));
      }
    });
  });

  test("a chat is rated as the template writes it, to its end and without a prompt to go on", async () => {
    const folder = await writeRewardFolder("armorm");
    onTestFinished(() => rm(folder, { recursive: true }));
    using model = await loadRewardModel(folder);
    const asked = { role: "user", content: "How?" } as const;
    const row = model.render([asked, { role: "assistant", content: "So <|im_end|> it is." }]);
    const other = model.render([asked, { role: "assistant", content: "No." }]);
    expect(row.gateAt).toBe(other.gateAt);
    const shared = row.gateAt! + 1;
    expect(row.ids.slice(0, shared)).toEqual(other.ids.slice(0, shared));
    // A control token that an answer spells is text: one more end than the two turns have would be a third turn.
    const end = row.ids[row.gateAt! - 1];
    expect(row.ids.filter((id) => id === end)).toHaveLength(2);
    const [first, second] = await model.rate([row, other]);
    expect(first!.score).not.toBe(second!.score);
  });
});

describe("what is refused", () => {
  withoutLeaks(backendsUnderTest[0]!);

  test("a model that answers, heads that are not there, rows without a place for the gate", async () => {
    await expect(loadRewardModel(fixture("checkpoints/qwen3"))).rejects.toMatchObject({
      code: "unknown-architecture",
      message: expect.stringContaining("Qwen3ForSequenceClassification"),
    });
    const folder = await writeRewardFolder("armorm", (config) => ({
      ...config,
      architectures: ["LlamaForSequenceClassification"],
    }));
    onTestFinished(() => rm(folder, { recursive: true }));
    await expect(loadRewardModel(folder)).rejects.toMatchObject({ code: "missing-tensor" });
    const whole = await writeRewardFolder("armorm");
    onTestFinished(() => rm(whole, { recursive: true }));
    using model = await loadRewardModel(whole);
    await expect(model.rate([{ ids: [3, 4, 5] }])).rejects.toThrow(/gateAt must be from 0 to 1/);
    await expect(model.rate([{ ids: [3, 4, 5], gateAt: 2 }])).rejects.toThrow(/gateAt/);
    await expect(model.rate([{ ids: [3, 400, 5], gateAt: 1 }])).rejects.toMatchObject({ code: "bad-token" });
    expect(() => checkRewardConfig({ architectures: ["Qwen3ForCausalLM"] }, "config.json")).toThrow(
      /no reward model that can be run/,
    );
    checkRewardConfig(readFixture("rewards/qwen3/config.json"), "config.json");
    expect(await model.rate([])).toEqual([]);
    model.dispose();
    await expect(model.rate([{ ids: [3, 4], gateAt: 0 }])).rejects.toThrow(/disposed/);
  });
});
