/** Which blocks of a model look at everything before a token and which through a sliding window. */
import type { ConfigSource } from "@amulet-ts/files";

export type LayerType = "full_attention" | "sliding_attention";

/**
 * The kind of each block, from `layer_types`.
 *
 * @param older what a family's checkpoints meant before they had that key
 * @throws ModelError `bad-config`
 */
export function readLayerTypes(
  source: ConfigSource,
  blockCount: number,
  older: (block: number) => LayerType,
): LayerType[] {
  const value = source.read(["layer_types", undefined]);
  if (value === undefined) return Array.from({ length: blockCount }, (_, block) => older(block));
  if (Array.isArray(value) && value.length === blockCount && value.every(isLayerType)) return value;
  throw source.wrong(
    ["layer_types", undefined],
    `a list of ${blockCount}, each "full_attention" or "sliding_attention"`,
    value,
  );
}

function isLayerType(value: unknown): value is LayerType {
  return value === "full_attention" || value === "sliding_attention";
}

/** Tokens a query sees in a sliding layer, itself included; Infinity where the checkpoint has no window. */
export function readWindow(source: ConfigSource): number {
  const key = ["sliding_window", "attention.sliding_window"] as const;
  return source.read(key) === undefined ? Number.POSITIVE_INFINITY : source.count(key);
}
