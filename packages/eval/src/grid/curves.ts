/** The curves of a plan: what was measured, against the number that was turned. */
import type { SettingSummary } from "../statistics/summarise.js";
import { type CurvePlan, type Setting, settingsOf, strengthOfIterations } from "./settings.js";

/** A point of a curve: where it stands on the curve's own axis, and what was measured there. */
export type CurvePoint<Name extends string = string> = SettingSummary<Name> & { readonly at: number };

type Curve<Name extends string> = readonly CurvePoint<Name>[];

export interface Curves<Name extends string = string> {
  /** Against x. */
  readonly strength: Curve<Name>;
  /** Against T: points of the first curve, by the conversion. */
  readonly iterations: Curve<Name>;
  /** Against T, by the published loop. */
  readonly exact: Curve<Name>;
  /** Against nats per token. */
  readonly budget: Curve<Name>;
  /** Against Linear Alignment's ratio, without and with its mask. */
  readonly ratio: Curve<Name>;
  readonly maskedRatio: Curve<Name>;
}

export function layOutCurves<Name extends string>(
  plan: CurvePlan,
  summaryOf: (setting: Setting) => SettingSummary<Name>,
): Curves<Name> {
  const curve = (values: readonly number[], toSetting: (value: number) => Setting) =>
    values.map((at): CurvePoint<Name> => ({ at, ...summaryOf(toSetting(at)) }));
  const dial = settingsOf(plan).flatMap(({ kind, value }) => (kind === "dial" ? [value] : []));
  return {
    strength: curve(dial, (value) => ({ kind: "dial", value })),
    iterations: curve(plan.iterations, (T) => ({ kind: "dial", value: strengthOfIterations(T) })),
    exact: curve(plan.exactIterations, (value) => ({ kind: "loop", value })),
    budget: curve(plan.budgets, (value) => ({ kind: "bounded", value })),
    ratio: curve(plan.ratios, (ratio) => ({ kind: "dial", value: ratio + 1 })),
    maskedRatio: curve(plan.ratios, (value) => ({ kind: "masked", value })),
  };
}
