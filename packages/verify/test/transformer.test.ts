import { existsSync, readFileSync } from "node:fs";
import { oracles } from "@amulet-ts/verify";
import { describe, expect, it } from "vitest";
import { readSafetensors } from "./safetensors.js";

const checkpoints = new URL("../../../../shared/fixtures/checkpoints/", import.meta.url);

interface Expected {
  readonly cases: readonly {
    readonly input_ids: number[];
    readonly logits: number[][];
    readonly max_abs_float32_error: number;
  }[];
}

type Forward = (folder: URL, tokens: number[]) => Float64Array[];

const readJson = <T>(folder: URL, name: string): T => JSON.parse(readFileSync(new URL(name, folder), "utf8"));
const read = (folder: URL) => readSafetensors(new URL("model.safetensors", folder));
const llama: Forward = (folder, tokens) =>
  oracles.llamaLogits(readJson<oracles.LlamaConfig>(folder, "config.json"), read(folder), tokens);
const gemma3: Forward = (folder, tokens) =>
  oracles.gemma3Logits(readJson<oracles.Gemma3Config>(folder, "config.json"), read(folder), tokens);
const gpt2: Forward = (folder, tokens) =>
  oracles.gpt2Logits(readJson<oracles.Gpt2Config>(folder, "config.json"), read(folder), tokens);

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
  ] as const)("%s", ([name, forward, allowance], { skip }) => {
    const folder = new URL(`${name}/`, checkpoints);
    skip(!existsSync(folder), `The reference checkpoint ${name} is not here (../shared/fixtures).`);
    for (const expected of readJson<Expected>(folder, "expected.json").cases) {
      const logits = forward(folder, expected.input_ids);
      expect(logits.length).toBe(expected.logits.length);
      const excess = logits.flatMap((row, t) =>
        expected.logits[t]!.map((value, v) => Math.abs(row[v]! - value) - storedRounding(value)),
      );
      expect(Math.max(...excess)).toBeLessThanOrEqual(allowance * expected.max_abs_float32_error);
    }
  });
});
