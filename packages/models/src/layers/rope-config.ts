import type { ConfigKey, ConfigSource } from "@amulet-ts/files";
import type { RopeScaling } from "./rope.js";

export interface RopeConfig {
  readonly base: number;
  readonly scaling: RopeScaling;
}

/**
 * Rotary settings in any of the styles in the wild: `rope_parameters` (new), `rope_theta` with `rope_scaling`
 * (most checkpoints), GGUF's `rope.*` keys.
 *
 * @param headWidth all of a head turns; a checkpoint that turns a part of it is refused
 * @param layerType the entry of `rope_parameters` where a family has one for each kind of layer
 * @param usualBase the base where the checkpoint names none
 */
export function readRope(
  source: ConfigSource,
  contextLength: number,
  headWidth: number,
  layerType?: string,
  usualBase = 10_000,
): RopeConfig {
  const parameters = source.nested("rope_parameters");
  const own = (layerType && parameters?.nested(layerType)) || parameters;
  const scalingSource = own ?? source.nested("rope_scaling");
  for (const settings of [source, scalingSource]) if (settings) refusePartial(settings, headWidth);
  const holder = scalingSource?.read(["rope_theta", undefined]) === undefined ? source : scalingSource;
  const base = readPositive(holder, ["rope_theta", "rope.freq_base"], usualBase);
  if (source.format === "gguf") return { base, scaling: readGgufScaling(source) };
  return { base, scaling: scalingSource ? readScaling(source, scalingSource, contextLength) : unscaled };
}

const unscaled: RopeScaling = { type: "default" };

/** @throws FilesError `bad-config` where only a part of each head turns, or a head has no two halves */
function refusePartial(source: ConfigSource, headWidth: number): void {
  if (headWidth % 2 !== 0)
    throw source.wrong(
      ["head_dim", "attention.key_length"],
      "even: channels of a head turn in pairs",
      headWidth,
    );
  source.allow(["partial_rotary_factor", undefined], [1]);
  source.allow(["rotary_pct", undefined], [1]);
  source.allow(["rotary_dim", undefined], [headWidth]);
  source.allow([undefined, "rope.dimension_count"], [headWidth]);
}

function readScaling(source: ConfigSource, settings: ConfigSource, contextLength: number): RopeScaling {
  const type = settings.read(["rope_type", undefined]) ?? settings.read(["type", undefined]);
  const factor = () => readPositive(settings, ["factor", undefined]);
  // transformers prefers the outer key, which some models have instead.
  const holder = source.has(["original_max_position_embeddings", undefined]) ? source : settings;
  const originalContext = () => holder.count(["original_max_position_embeddings", undefined], contextLength);
  switch (type ?? "default") {
    case "default":
    case "none":
      // Some read a factor without a type as linear, some ignore it, some fail.
      if (type === undefined) settings.allow(["factor", undefined], [1]);
      return unscaled;
    case "linear":
      return { type: "linear", factor: factor() };
    case "dynamic":
      return { type: "dynamic", factor: factor(), originalContext: originalContext() };
    case "llama3":
      return {
        type: "llama3",
        factor: factor(),
        lowFrequencyFactor: settings.number(["low_freq_factor", undefined]),
        highFrequencyFactor: settings.number(["high_freq_factor", undefined]),
        originalContext: originalContext(),
      };
    default:
      throw settings.wrong(
        ["rope_type", undefined],
        "one of default, linear, dynamic and llama3 (others, such as yarn, are not computed: take another model)",
        type,
      );
  }
}

/**
 * As llama.cpp reads it: a factor without a type is linear, under its older name too, and a factor of 0 is none. The
 * divisors that it stores for Llama 3.1 are a tensor.
 */
function readGgufScaling(source: ConfigSource): RopeScaling {
  const type = source.read([undefined, "rope.scaling.type"]) ?? "linear";
  source.allow([undefined, "rope.scaling.attn_factor"], [1]);
  if (type === "none") return unscaled;
  if (type !== "linear") {
    throw source.wrong(
      [undefined, "rope.scaling.type"],
      "none or linear (others, such as yarn, are not computed: take another model)",
      type,
    );
  }
  const keys = ["rope.scaling.factor", "rope.scale_linear"].map((key) => [undefined, key] as const);
  const key = keys.find((candidate) => source.read(candidate) !== undefined);
  if (key === undefined || Number(source.read(key)) === 0) return unscaled;
  return { type: "linear", factor: readPositive(source, key) };
}

/** A number above 0. @throws FilesError `bad-config` */
export function readPositive(source: ConfigSource, key: ConfigKey, fallback?: number): number {
  const value = source.number(key, fallback);
  if (value > 0) return value;
  throw source.wrong(key, "a number above 0", value);
}
