import { mkdtemp, readFile, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readSafetensors } from "../files/read-safetensors.js";
import { fixture } from "./fixture.js";

/** Every reward fixture, and the checkpoint whose body it has. */
export const rewardFixtures = [
  ["qwen3", "qwen3"],
  ["llama", "llama-gqa-tied"],
  ["armorm", "llama-mha-untied"],
] as const;
export type RewardFixture = (typeof rewardFixtures)[number][0];

export const bodyOfReward = (name: RewardFixture) => rewardFixtures.find(([one]) => one === name)![1];

/** A folder with the body's tensors but its output head, and the reward's, in two shards. The caller removes it. */
export async function writeRewardFolder(
  name: RewardFixture,
  change: (config: Record<string, unknown>) => object = (config) => config,
): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "amulet-rewards-"));
  const body = fixture(`checkpoints/${bodyOfReward(name)}`);
  const heads = fixture(`rewards/${name}/heads.safetensors`);
  await symlink(join(body, "model.safetensors"), join(folder, "body.safetensors"));
  await symlink(heads, join(folder, "heads.safetensors"));
  for (const file of ["tokenizer.json", "tokenizer_config.json", "chat_template.jinja"])
    await symlink(join(body, file), join(folder, file));
  const config = JSON.parse(await readFile(fixture(`rewards/${name}/config.json`), "utf8"));
  await writeFile(join(folder, "config.json"), JSON.stringify(change(config)));
  const own = [...readSafetensors(join(body, "model.safetensors")).keys()];
  const map = [
    ...own.filter((key) => key !== "lm_head.weight").map((key) => [key, "body.safetensors"]),
    ...[...readSafetensors(heads).keys()].map((key) => [key, "heads.safetensors"]),
  ];
  const index = { metadata: {}, weight_map: Object.fromEntries(map) };
  await writeFile(join(folder, "model.safetensors.index.json"), JSON.stringify(index));
  return folder;
}
