/** What a config can say of a checkpoint whose tensors are known. */
import type { ConfigKey, ConfigSource, TensorStore } from "@amulet-ts/files";

/** Whichever of them a family reads; each makes lists that long before a tensor is looked at. */
const blockKeys: readonly ConfigKey[] = [
  ["num_hidden_layers", "block_count"],
  ["n_layer", undefined],
];
const headKeys: readonly ConfigKey[] = [
  ["num_attention_heads", "attention.head_count"],
  ["num_key_value_heads", "attention.head_count_kv"],
  ["n_head", undefined],
];

/**
 * Refuses counts that the tensors rule out: more blocks than tensors have a number, more heads than the longest axis
 * has channels. A damaged or hostile config then costs no memory.
 *
 * @throws ModelError `bad-config`
 */
export function checkCounts(config: ConfigSource, { tensors }: TensorStore): void {
  checkAtMost(config, blockKeys, countBlocks(tensors.keys()), "blocks that the tensors' names number");
  const longest = [...tensors.values()].reduce(
    (most, { shape }) => shape.reduce((a, b) => Math.max(a, b), most),
    0,
  );
  checkAtMost(config, headKeys, longest, "channels of the longest tensor");
}

function checkAtMost(config: ConfigSource, keys: readonly ConfigKey[], most: number, what: string): void {
  for (const key of keys) {
    const value = config.read(key);
    if ((typeof value === "number" || typeof value === "bigint") && value > most)
      throw config.wrong(key, `at most ${most}, the number of ${what}`, Number(value));
  }
}

function countBlocks(names: Iterable<string>): number {
  const blocks = new Set<string>();
  for (const name of names) {
    const [, block] = /\.(\d+)\./.exec(name) ?? [];
    if (block !== undefined) blocks.add(block);
  }
  return blocks.size;
}
