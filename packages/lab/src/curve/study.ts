/** The whole study as data: every curve, the chosen strengths, and what can and can't be claimed. */
import { areApart, type BootstrapOptions, bootstrapDifference, type Interval } from "../statistics/index.js";
import { type PreferenceName, preferenceNames } from "../world/preferences.js";
import type { Cell, RunIdentity } from "./cell.js";
import { choiceRule, chooseStrength } from "./choose-strength.js";
import {
  type CurvePlan,
  keyOf,
  paperStrength,
  type Setting,
  settingsOf,
  strengthOfIterations,
} from "./settings.js";
import {
  type CellTable,
  type Measure,
  type SettingSummary,
  summarise,
  tabulate,
  valuesOf,
} from "./summarise.js";

/** A point of a curve: where it stands on the curve's own axis, and what was measured there. */
export interface CurvePoint extends SettingSummary {
  readonly at: number;
}

export interface Curves {
  /** Against x. */
  readonly strength: readonly CurvePoint[];
  /** Against T: points of the first curve, by the conversion. */
  readonly iterations: readonly CurvePoint[];
  /** Against T, by the published loop. */
  readonly exact: readonly CurvePoint[];
  /** Against nats per token. */
  readonly budget: readonly CurvePoint[];
  /** Against Linear Alignment's ratio, without and with its mask. */
  readonly ratio: readonly CurvePoint[];
  readonly maskedRatio: readonly CurvePoint[];
}

/** Two settings side by side, pair by pair: `after − before` of each measure. */
export interface Comparison {
  readonly before: Setting;
  readonly after: Setting;
  readonly difference: Readonly<Record<Measure, Interval>>;
}

/** The reported pairs of one preference at pref, at the chosen x and at the paper's: means over all hide what differs. */
export interface PreferenceRow {
  readonly preference: PreferenceName;
  readonly settings: readonly SettingSummary[];
}

export interface Claim {
  readonly claim: string;
  readonly holds: boolean;
}

export interface Study {
  readonly format: "amulet lab curve, 1";
  readonly run: RunIdentity & { readonly reportedPairs: number; readonly choosingPairs: number };
  readonly rule: typeof choiceRule;
  readonly curves: Curves;
  /** The settings that the rule chose on the choosing pairs, as they do on the reported ones; null where none was fit. */
  readonly chosen: Readonly<Record<"dial" | "bounded" | "masked", SettingSummary | null>>;
  /** base → pref → the chosen x, then the chosen x → what else the rule chose, and → the paper's x. */
  readonly comparisons: readonly Comparison[];
  readonly byPreference: readonly PreferenceRow[];
  /** Share of the reported pairs for which the published loop gives the very same answer as its x, by T. */
  readonly sameAnswers: readonly { readonly iterations: number; readonly share: number }[];
  readonly claims: readonly Claim[];
}

export interface StudyInput {
  readonly plan: CurvePlan;
  readonly cells: readonly Cell[];
  readonly run: RunIdentity;
  /** What each pair asks for, in the order of the pairs. */
  readonly preferences: readonly PreferenceName[];
  /** The first so many pairs are reported, the others choose. */
  readonly reportedPairs: number;
  readonly bootstrap?: BootstrapOptions;
}

const base: Setting = { kind: "dial", value: 0 };
const preferencePrompt: Setting = { kind: "dial", value: 1 };

export function conclude(input: StudyInput): Study {
  const { plan, cells, run, reportedPairs, bootstrap = {} } = input;
  const reported = tabulate(cells, (pair) => pair < reportedPairs);
  const choosing = tabulate(cells, (pair) => pair >= reportedPairs);
  const summaryOf = (setting: Setting) => summarise(reported, setting, bootstrap);
  const chosen = chooseAll(plan, choosing, bootstrap);
  const onReported = (setting: Setting | undefined) => (setting ? summaryOf(setting) : null);
  const curves = drawCurves(plan, summaryOf);
  return {
    format: "amulet lab curve, 1",
    run: { ...run, reportedPairs, choosingPairs: run.pairCount - reportedPairs },
    rule: choiceRule,
    curves,
    chosen: {
      dial: onReported(chosen.dial),
      bounded: onReported(chosen.bounded),
      masked: onReported(chosen.masked),
    },
    comparisons: compareAll(reported, chosen, bootstrap),
    byPreference: splitByPreference(input, chosen.dial),
    sameAnswers: plan.exactIterations.map((iterations) => ({
      iterations,
      share: agreement(reported, iterations),
    })),
    claims: listClaims(curves, onReported(chosen.dial)),
  };
}

function drawCurves(plan: CurvePlan, summaryOf: (setting: Setting) => SettingSummary): Curves {
  const curve = (values: readonly number[], toSetting: (value: number) => Setting) =>
    values.map((at): CurvePoint => ({ at, ...summaryOf(toSetting(at)) }));
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

type Chosen = Partial<Record<"dial" | "bounded" | "masked", Setting>>;

function chooseAll(plan: CurvePlan, choosing: CellTable, bootstrap: BootstrapOptions): Chosen {
  if (choosing.size === 0) return {};
  // Only means decide; no need for many resamples.
  const summaryOf = (setting: Setting) => summarise(choosing, setting, { ...bootstrap, resamples: 1 });
  const pick = (kind: keyof Chosen) => {
    const candidates = settingsOf(plan).filter(
      (setting) => setting.kind === kind && (kind !== "dial" || setting.value > 1),
    );
    const found = chooseStrength(candidates.map(summaryOf), summaryOf(preferencePrompt));
    return found && { [kind]: { kind: found.kind, value: found.value } };
  };
  return { ...pick("dial"), ...pick("bounded"), ...pick("masked") };
}

function compareAll(reported: CellTable, chosen: Chosen, bootstrap: BootstrapOptions): Comparison[] {
  const { dial } = chosen;
  const steps: [Setting, Setting | undefined][] = [
    [base, preferencePrompt],
    [preferencePrompt, dial],
    ...(dial ? [chosen.bounded, chosen.masked, { kind: "dial", value: paperStrength } as const] : []).map(
      (other): [Setting, Setting | undefined] => [dial!, other],
    ),
  ];
  return steps.flatMap(([before, after]) => (after ? [compare(reported, before, after, bootstrap)] : []));
}

function compare(table: CellTable, before: Setting, after: Setting, bootstrap: BootstrapOptions): Comparison {
  const difference = (measure: Measure) => {
    const [first, second] = [before, after].map((setting) =>
      valuesOf(table.get(keyOf(setting)) ?? [], measure),
    );
    return bootstrapDifference(first!, second!, bootstrap);
  };
  return {
    before,
    after,
    difference: {
      preference: difference("preference"),
      grammaticality: difference("grammaticality"),
      relevance: difference("relevance"),
      drift: difference("drift"),
    },
  };
}

function splitByPreference(
  { cells, preferences, reportedPairs, bootstrap = {} }: StudyInput,
  dial: Setting | undefined,
): PreferenceRow[] {
  const settings = [
    preferencePrompt,
    ...(dial ? [dial] : []),
    { kind: "dial", value: paperStrength } as const,
  ];
  return preferenceNames.flatMap((preference) => {
    const own = tabulate(cells, (pair) => pair < reportedPairs && preferences[pair] === preference);
    if (own.size === 0) return [];
    return [{ preference, settings: settings.map((setting) => summarise(own, setting, bootstrap)) }];
  });
}

function agreement(table: CellTable, iterations: number): number {
  const loop = table.get(keyOf({ kind: "loop", value: iterations })) ?? [];
  const dial = table.get(keyOf({ kind: "dial", value: strengthOfIterations(iterations) })) ?? [];
  return loop.filter(({ text }, i) => text === dial[i]!.text).length / loop.length;
}

/** What the study set out to show; each is stated with its bound and may turn out false. */
function listClaims({ strength }: Curves, best: SettingSummary | null): Claim[] {
  const at = (x: number) => strength.find((point) => point.at === x)!;
  const [bottom, prompt, end] = [at(0), at(1), strength.at(-1)!];
  const above = (high: SettingSummary, low: SettingSummary) =>
    high.preference.mean > low.preference.mean && areApart(high.preference, low.preference);
  const isWorse = (measure: Measure) =>
    best !== null && end[measure].mean < best[measure].mean && areApart(end[measure], best[measure]);
  return [
    { claim: "pref follows the preference more than base, intervals apart", holds: above(prompt, bottom) },
    {
      claim: "amulet at the chosen x follows it more than pref, intervals apart",
      holds: best !== null && above(best, prompt),
    },
    {
      claim: "at the chosen x, grammaticality is at least 0.97",
      holds: best !== null && best.grammaticality.mean >= 0.97,
    },
    {
      claim: "at the chosen x, relevance is at most 0.03 below pref's",
      holds: best !== null && best.relevance.mean >= prompt.relevance.mean - 0.03,
    },
    {
      claim: `at x = ${end.at}, grammaticality or relevance is below that at the chosen x, intervals apart`,
      holds: isWorse("grammaticality") || isWorse("relevance"),
    },
  ];
}
