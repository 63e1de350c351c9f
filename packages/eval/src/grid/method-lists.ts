/** Settings as people write them in a run's config: a method by its name, each of its dials one number or a list. */
import { largestStrength, paperLinearAlignmentRatio, paperParameters } from "@amulet-ts/core";
import * as v from "valibot";
import { keyOf, paperStrength, type Setting, strengthOfIterations } from "./settings.js";

/** One number, or the values of a sweep. */
const dial = (values: v.GenericSchema<number>) => {
  const list = v.pipe(v.array(values), v.minLength(1, "at least one value"));
  return v.pipe(
    v.union([values, list]),
    v.transform((given) => (typeof given === "number" ? [given] : given)),
  );
};
const strength = v.pipe(v.number(), v.minValue(-largestStrength), v.maxValue(largestStrength));
const steps = v.pipe(v.number(), v.integer(), v.minValue(0));
const nats = v.pipe(v.number(), v.finite(), v.minValue(0));
const share = v.pipe(v.number(), v.gtValue(0), v.maxValue(1));
const plausibility = v.exactOptional(dial(share));
const row = v.pipe(v.array(strength), v.minLength(2, "a weight for each part"));
/** A weight for each part of a preference of several; a list of such lists is a sweep. */
const weights = v.exactOptional(
  v.pipe(
    v.union([row, v.pipe(v.array(row), v.minLength(1, "at least one list of weights"))]),
    v.transform((given) => (typeof given[0] === "number" ? [given as number[]] : (given as number[][]))),
  ),
);

/** An entry of `methods` in a config. */
export const methodListSchema = v.variant("method", [
  v.strictObject({ method: v.literal("base") }),
  v.strictObject({ method: v.literal("pref"), weights }),
  v.strictObject({
    method: v.literal("la"),
    ratio: v.optional(dial(strength), paperLinearAlignmentRatio),
    plausibility,
    weights,
  }),
  v.strictObject({
    method: v.literal("amulet"),
    /** T at the paper's α, λ and η, run as the x that it amounts to. */
    iterations: v.exactOptional(dial(steps)),
    /** x itself, instead of T. */
    x: v.exactOptional(dial(strength)),
    plausibility,
    weights,
  }),
  v.strictObject({
    method: v.literal("amulet-exact"),
    iterations: v.optional(dial(steps), paperParameters.iterations),
    weights,
  }),
  v.strictObject({ method: v.literal("bounded"), nats: dial(nats), plausibility, weights }),
  /** Beam search of the preference prompt alone; 16 wide in the paper. */
  v.strictObject({ method: v.literal("beam"), beams: v.optional(dial(v.pipe(steps, v.minValue(1))), 16) }),
]);

export type MethodList = v.InferOutput<typeof methodListSchema>;

/** Every distinct setting of the lists, in their order. */
export function settingsOfLists(lists: readonly MethodList[]): Setting[] {
  const all = lists.flatMap((list) => {
    const masks = "plausibility" in list ? (list.plausibility ?? [undefined]) : [undefined];
    const rows = "weights" in list ? (list.weights ?? [undefined]) : [undefined];
    return masks.flatMap((mask) =>
      rows.flatMap((row) =>
        bareSettings(list).map((setting) => ({
          ...setting,
          ...(mask !== undefined && { plausibility: mask }),
          ...(row !== undefined && { weights: row }),
        })),
      ),
    );
  });
  return [...new Map(all.map((setting) => [keyOf(setting), setting])).values()];
}

function bareSettings(list: MethodList): Setting[] {
  const each = (kind: Setting["kind"], values: readonly number[]) =>
    values.map((value): Setting => ({ kind, value }));
  switch (list.method) {
    case "base":
      return each("dial", [0]);
    case "pref":
      return each("dial", [1]);
    case "la":
      return each(
        "dial",
        list.ratio.map((ratio) => ratio + 1),
      );
    case "amulet": {
      const { iterations, x } = list;
      if (!iterations && !x) return each("dial", [paperStrength]);
      return each("dial", [...(iterations ?? []).map(strengthOfIterations), ...(x ?? [])]);
    }
    case "amulet-exact":
      return each("loop", list.iterations);
    case "bounded":
      return each("bounded", list.nats);
    case "beam":
      return each("beam", list.beams);
  }
}

/** A setting in a few characters, for tables and figures. */
export function nameSetting({ kind, value, plausibility, weights: counts }: Setting): string {
  const mask =
    (plausibility === undefined ? "" : `, top-p ${plausibility}`) +
    (counts === undefined ? "" : `, weights ${counts.join(" : ")}`);
  const number = Number(value.toPrecision(4));
  if (kind === "dial" && mask === "" && value === 0) return "base";
  if (kind === "dial" && plausibility === undefined && value === 1) return `pref${mask}`;
  const names = {
    dial: "x =",
    loop: "loop, T =",
    bounded: "KL ≤",
    masked: "la, masked, ratio",
    beam: "beams",
  } as const;
  return `${names[kind]} ${number}${mask}`;
}
