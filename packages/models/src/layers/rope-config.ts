import type { ConfigSource } from "@amulet-ts/files";
import type { RopeScaling } from "./rope.js";

export interface RopeConfig {
  readonly base: number;
  readonly scaling: RopeScaling;
}

/**
 * Rotary settings in any of the styles in the wild: `rope_parameters` (new), `rope_theta` with `rope_scaling`
 * (most checkpoints), GGUF's `rope.*` keys.
 *
 * @param layerType the entry of `rope_parameters` where a family has one for each kind of layer
 * @param usualBase the base where the checkpoint names none
 */
export function readRope(
  source: ConfigSource,
  contextLength: number,
  layerType?: string,
  usualBase = 10_000,
): RopeConfig {
  const parameters = source.nested("rope_parameters");
  const own = (layerType && parameters?.nested(layerType)) || parameters;
  const scalingSource = own ?? source.nested("rope_scaling");
  const base = (own?.read(["rope_theta", undefined]) !== undefined ? own : source)?.number(
    ["rope_theta", "rope.freq_base"],
    usualBase,
  );
  return { base: base!, scaling: readScaling(source, scalingSource, contextLength) };
}

function readScaling(
  source: ConfigSource,
  nested: ConfigSource | undefined,
  contextLength: number,
): RopeScaling {
  const from = nested ?? source;
  const type = nested
    ? (nested.read(["rope_type", undefined]) ?? nested.read(["type", undefined]) ?? "default")
    : (source.read([undefined, "rope.scaling.type"]) ?? "default");
  const factor = () => from.number(["factor", "rope.scaling.factor"]);
  const originalContext = () =>
    from.count(["original_max_position_embeddings", "rope.scaling.original_context_length"], contextLength);
  switch (type) {
    case "default":
    case "none":
      return { type: "default" };
    case "linear":
      return { type: "linear", factor: factor() };
    case "dynamic":
      return { type: "dynamic", factor: factor(), originalContext: originalContext() };
    case "llama3":
      return {
        type: "llama3",
        factor: factor(),
        lowFrequencyFactor: from.number(["low_freq_factor", undefined]),
        highFrequencyFactor: from.number(["high_freq_factor", undefined]),
        originalContext: originalContext(),
      };
    default:
      throw from.wrong(
        ["rope_type", "rope.scaling.type"],
        "one of default, linear, dynamic and llama3 (others, such as yarn, are not written yet)",
        type,
      );
  }
}
