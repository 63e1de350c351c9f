import { readSafetensors } from "@amulet-ts/testing/files/read-safetensors";
import { readReference } from "@amulet-ts/testing/reference/checkpoints";
import { fixture, readFixture } from "@amulet-ts/testing/reference/fixture";
import { oracles } from "@amulet-ts/verify";
import { describe, expect, it } from "vitest";

type Forward = (name: string, tokens: readonly number[]) => Float64Array[];

const config = <T>(name: string) => readFixture<T>(`checkpoints/${name}/config.json`);
const weights = (name: string) => readSafetensors(fixture(`checkpoints/${name}/model.safetensors`));
const llama: Forward = (name, tokens) =>
  oracles.llamaLogits(config<oracles.LlamaConfig>(name), weights(name), tokens);
const gemma3: Forward = (name, tokens) =>
  oracles.gemma3Logits(config<oracles.Gemma3Config>(name), weights(name), tokens);
const gpt2: Forward = (name, tokens) =>
  oracles.gpt2Logits(config<oracles.Gpt2Config>(name), weights(name), tokens);

/** The fixture keeps float32 digits: each logit is off by at most half a unit in the last place. */
const storedRounding = (logit: number) => 2 ** -24 * Math.abs(logit) + 1e-12;

/**
 * GPT-2's reference is float64 throughout. Hugging Face's Llama, and what is made after it, casts norms, rotations and attention weights to
 * float32 whatever the model's type, so its "float64" logits carry part of the error of a float32 run. The
 * fixture states the error of a whole float32 run, case by case; twice that is the allowance.
 */
const castAllowance = { gpt2: 0, llama: 2 };

describe("the transformer oracles give the reference's logits at every position", () => {
  it.for([
    ["gpt2", gpt2, castAllowance.gpt2],
    ["llama-mha-untied", llama, castAllowance.llama],
    ["llama-gqa-tied", llama, castAllowance.llama],
    ["llama3-rope-scaling", llama, castAllowance.llama],
    ["mistral-sliding", llama, castAllowance.llama],
    ["qwen2", llama, castAllowance.llama],
    ["qwen3", llama, castAllowance.llama],
    ["gemma3-text", gemma3, castAllowance.llama],
  ] as const)("%s", ([name, forward, allowance]) => {
    for (const expected of readReference(name)) {
      const logits = forward(name, expected.input_ids);
      expect(logits.length).toBe(expected.logits.length);
      const excess = logits.flatMap((row, t) =>
        expected.logits[t]!.map((value, v) => Math.abs(row[v]! - value) - storedRounding(value)),
      );
      expect(Math.max(...excess)).toBeLessThanOrEqual(allowance * expected.max_abs_float32_error);
    }
  });
});
