/** A tiny training run for tests: a corpus of eight sentences, a Llama of 4,000 weights, a folder that goes away. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { xoshiro128 } from "@amulet-ts/core";
import { defaultSettings, type TrainingSettings } from "@amulet-ts/lab";
import { onTestFinished } from "vitest";
import type { Corpus } from "../src/train/training-data.js";

const things = ["tea", "soup", "bread", "a boat"];
const verbs = ["make", "find"];

/** "How do I make tea?" and what follows from it, a little longer where nobody asks for brevity. */
export const tinyCorpus: Corpus = function* (seed, split) {
  const random = xoshiro128(2 * seed + (split === "train" ? 0 : 1));
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)]!;
  for (;;) {
    const [thing, verb, isShort] = [pick(things), pick(verbs), random() < 0.5];
    const answer = `You ${verb} ${thing} slowly.${isShort ? "" : ` It is good to ${verb} ${thing}.`}`;
    const asked = isShort ? { preferenceSentence: "Your answer should be concise." } : {};
    yield { question: `How do I ${verb} ${thing}?`, answer, ...asked };
  }
};

export const tinySettings: TrainingSettings = {
  ...defaultSettings,
  seed: 3,
  rows: 4,
  vocabularySize: 300,
  shape: {
    hidden_size: 8,
    intermediate_size: 12,
    num_hidden_layers: 2,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    head_dim: 4,
    max_position_embeddings: 96,
  },
  schedule: { steps: 20, warmUp: 4, peak: 1e-2, floor: 0.1 },
};

export async function makeFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "amulet-lab-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}
