/** Rotary positions (Su et al. 2021) and the scalings of their frequencies that Llama checkpoints name. */
import { VerifyError } from "../../errors.js";
import { type Row, tabulate } from "../distribution.js";

/** Hugging Face's keys, in the newest style (`rope_parameters`) or the older one (`rope_scaling`). */
export interface RopeParameters {
  readonly rope_type?: string;
  /** What `rope_type` was called before. */
  readonly type?: string;
  readonly rope_theta?: number;
  readonly factor?: number;
  readonly low_freq_factor?: number;
  readonly high_freq_factor?: number;
  readonly original_max_position_embeddings?: number;
}

/** The part of a config that rotations depend on. */
export interface RopeConfig {
  readonly max_position_embeddings?: number;
  readonly rope_theta?: number;
  readonly rope_scaling?: RopeParameters | null;
  readonly rope_parameters?: RopeParameters | null;
}

/**
 * Angle per position of each of the K/2 pairs of a head of width K.
 *
 * @param length tokens attended to in all; only `dynamic` scaling looks at it
 * @throws VerifyError `unsupported` for a scaling that has no oracle
 */
export function ropeFrequencies(config: RopeConfig, headWidth: number, length: number): Float64Array {
  const rope = { ...config.rope_scaling, ...config.rope_parameters };
  const theta = rope.rope_theta ?? config.rope_theta ?? 10_000;
  const plain = powersOf(theta, headWidth);
  switch (rope.rope_type ?? rope.type ?? "default") {
    case "default":
      return plain;
    case "linear":
      return plain.map((frequency) => frequency / required(rope, "factor"));
    case "dynamic":
      return powersOf(stretchedTheta(theta, config, rope, headWidth, length), headWidth);
    case "llama3":
      return plain.map((frequency) => scaleAsLlama3(frequency, rope));
    default:
      throw new VerifyError(
        "unsupported",
        `There is no oracle for RoPE scaling "${rope.rope_type ?? rope.type}"; there is one for default, linear, dynamic and llama3.`,
      );
  }
}

/** θ^(−2i/K). */
function powersOf(theta: number, headWidth: number): Float64Array {
  return tabulate(headWidth / 2, (i) => theta ** ((-2 * i) / headWidth));
}

/** "NTK-aware" scaling that sets in beyond the trained length. */
function stretchedTheta(
  theta: number,
  config: RopeConfig,
  rope: RopeParameters,
  headWidth: number,
  length: number,
): number {
  const trained = config.max_position_embeddings;
  if (trained === undefined) throw missing("max_position_embeddings");
  const factor = required(rope, "factor");
  const stretch = (factor * Math.max(length, trained)) / trained - (factor - 1);
  return theta * stretch ** (headWidth / (headWidth - 2));
}

/** Llama 3.1: long wavelengths are divided by `factor`, short ones kept, those between blended. */
function scaleAsLlama3(frequency: number, rope: RopeParameters): number {
  const factor = required(rope, "factor");
  const low = required(rope, "low_freq_factor");
  const high = required(rope, "high_freq_factor");
  const turns = (required(rope, "original_max_position_embeddings") * frequency) / (2 * Math.PI);
  if (turns > high) return frequency;
  if (turns < low) return frequency / factor;
  const kept = (turns - low) / (high - low);
  return (1 - kept) * (frequency / factor) + kept * frequency;
}

function required(rope: RopeParameters, key: keyof RopeParameters & string): number {
  const value = rope[key];
  if (typeof value !== "number") throw missing(key);
  return value;
}

function missing(key: string): VerifyError {
  return new VerifyError("bad-checkpoint", `The config's RoPE scaling needs the number "${key}".`);
}

/** Turns the pairs (i, i + K/2) of one head by position · frequency(i). */
export function rotate(head: Row, position: number, frequencies: Row): Float64Array {
  const half = head.length / 2;
  return tabulate(head.length, (i) => {
    const angle = position * frequencies[i % half]!;
    const partner = i < half ? -head[i + half]! : head[i - half]!;
    return head[i]! * Math.cos(angle) + partner * Math.sin(angle);
  });
}
