/** The whole study as data: every curve, the chosen strengths, and what can and can't be claimed. */
import {
  agreement,
  areApart,
  type BootstrapOptions,
  type Cell,
  type CellTable,
  type Comparison,
  type CurvePlan,
  type Curves,
  compareSettings,
  layOutCurves,
  paperStrength,
  type RunIdentity,
  type Setting,
  type SettingSummary,
  settingsOf,
  strengthOfIterations,
  summarise,
  tabulate,
} from "@amulet-ts/eval";
import type { LabScore } from "../scores/scorer.js";
import { type PreferenceName, preferenceNames } from "../world/preferences.js";
import { choiceRule, chooseStrength } from "./choice-rule.js";
import { type Measure, measures } from "./measures.js";

type Summary = SettingSummary<LabScore>;
type Table = CellTable<LabScore>;

/** The reported pairs of one preference at pref, at the chosen x and at the paper's: means over all hide what differs. */
export interface PreferenceRow {
  readonly preference: PreferenceName;
  readonly settings: readonly Summary[];
}

export interface Claim {
  readonly claim: string;
  readonly holds: boolean;
}

export interface Study {
  readonly format: "amulet lab curve, 1";
  readonly run: RunIdentity & { readonly reportedPairs: number; readonly choosingPairs: number };
  readonly rule: typeof choiceRule;
  readonly curves: Curves<LabScore>;
  /** The settings that the rule chose on the choosing pairs, as they do on the reported ones; null where none was fit. */
  readonly chosen: Readonly<Record<"dial" | "bounded" | "masked", Summary | null>>;
  /** base → pref → the chosen x, then the chosen x → what else the rule chose, and → the paper's x. */
  readonly comparisons: readonly Comparison<LabScore>[];
  readonly byPreference: readonly PreferenceRow[];
  /** Share of the reported pairs for which the published loop gives the very same answer as its x, by T. */
  readonly sameAnswers: readonly { readonly iterations: number; readonly share: number }[];
  readonly claims: readonly Claim[];
}

export interface StudyInput {
  readonly plan: CurvePlan;
  readonly cells: readonly Cell<LabScore>[];
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
  const summaryOf = (setting: Setting) => summarise(reported, setting, measures, bootstrap);
  const chosen = chooseAll(plan, choosing, bootstrap);
  const onReported = (setting: Setting | undefined) => (setting ? summaryOf(setting) : null);
  const curves = layOutCurves(plan, summaryOf);
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
      share: agreement(
        reported,
        { kind: "loop", value: iterations },
        { kind: "dial", value: strengthOfIterations(iterations) },
      ),
    })),
    claims: listClaims(curves, onReported(chosen.dial)),
  };
}

type Chosen = Partial<Record<"dial" | "bounded" | "masked", Setting>>;

function chooseAll(plan: CurvePlan, choosing: Table, bootstrap: BootstrapOptions): Chosen {
  if (choosing.size === 0) return {};
  // Only means decide; no need for many resamples.
  const summaryOf = (setting: Setting) =>
    summarise(choosing, setting, measures, { ...bootstrap, resamples: 1 });
  const pick = (kind: keyof Chosen) => {
    const candidates = settingsOf(plan).filter(
      (setting) => setting.kind === kind && (kind !== "dial" || setting.value > 1),
    );
    const found = chooseStrength(candidates.map(summaryOf), summaryOf(preferencePrompt));
    return found && { [kind]: { kind: found.kind, value: found.value } };
  };
  return { ...pick("dial"), ...pick("bounded"), ...pick("masked") };
}

function compareAll(reported: Table, chosen: Chosen, bootstrap: BootstrapOptions): Comparison<LabScore>[] {
  const { dial } = chosen;
  const steps: [Setting, Setting | undefined][] = [
    [base, preferencePrompt],
    [preferencePrompt, dial],
    ...(dial ? [chosen.bounded, chosen.masked, { kind: "dial", value: paperStrength } as const] : []).map(
      (other): [Setting, Setting | undefined] => [dial!, other],
    ),
  ];
  return steps.flatMap(([before, after]) =>
    after ? [compareSettings(reported, before, after, measures, bootstrap)] : [],
  );
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
    return [
      { preference, settings: settings.map((setting) => summarise(own, setting, measures, bootstrap)) },
    ];
  });
}

/** What the study set out to show; each is stated with its bound and may turn out false. */
function listClaims({ strength }: Curves<LabScore>, best: Summary | null): Claim[] {
  const at = (x: number) => strength.find((point) => point.at === x)!;
  const [bottom, prompt, end] = [at(0), at(1), strength.at(-1)!];
  const above = (high: Summary, low: Summary) =>
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
