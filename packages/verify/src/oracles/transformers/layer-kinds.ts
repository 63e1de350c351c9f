/** Which blocks look back through a sliding window: Hugging Face's keys, the newest and the older ones. */

/** The keys that decide it. */
export interface WindowConfig {
  readonly num_hidden_layers: number;
  /** Tokens that a query of a sliding block sees, itself included. */
  readonly sliding_window?: number | null;
  readonly layer_types?: readonly LayerKind[] | null;
}

/** The two kinds of blocks. */
export type LayerKind = "full_attention" | "sliding_attention";

/** The kind of block `layer`; `older` says it for configs without `layer_types`. */
export function kindOf(config: WindowConfig, layer: number, older: (layer: number) => boolean): LayerKind {
  return config.layer_types?.[layer] ?? (older(layer) ? "sliding_attention" : "full_attention");
}

/** Tokens that a query of a block of this kind sees. */
export function windowOf({ sliding_window }: WindowConfig, kind: LayerKind): number {
  return kind === "sliding_attention"
    ? (sliding_window ?? Number.POSITIVE_INFINITY)
    : Number.POSITIVE_INFINITY;
}
