/** A run as numbers: every setting under every preference, what it changes against the preference prompt, the front. */
import { nameSetting } from "../grid/method-lists.js";
import { keyOf, type Setting } from "../grid/settings.js";
import type { RunSource } from "../runs/rows.js";
import type { RunPlan } from "../runs/run-record.js";
import type { Scorer } from "../scorers/scorer.js";
import { type BootstrapOptions, type Interval, meanOf } from "../statistics/bootstrap.js";
import { bootstrapClusters } from "../statistics/cluster-bootstrap.js";
import { holm } from "../statistics/multiple.js";
import { questionsNeeded, signFlipTest, type WinRate, winRate } from "../statistics/paired.js";
import {
  type CellTable,
  differencesOf,
  type MeasureOf,
  type SettingSummary,
  summarise,
  tabulate,
} from "../statistics/summarise.js";
import { paretoFront } from "./pareto.js";
import type { JudgedAnswer } from "./run-cells.js";

/** A setting against the reference, on the questions that both answered. */
export interface PairedResult {
  readonly difference: Interval;
  /** Two-sided, by sign flips of whole questions. */
  readonly p: number;
  /** By Holm, over the preferences of the run; null in the group of all. */
  readonly adjusted: number | null;
  readonly wins: WinRate;
}

export interface SettingResult<Name extends string = string> {
  readonly key: string;
  readonly name: string;
  readonly setting: Setting;
  readonly summary: SettingSummary<Name>;
  /** By measure; absent of the reference itself. */
  readonly versus?: Readonly<Record<MeasureOf<Name>, PairedResult>>;
  /** Whether no other setting has at least as much of everything and more of something. */
  readonly isOnFront: boolean;
}

export interface GroupResult<Name extends string = string> {
  /** A preference's name; null is all of them. */
  readonly preference: string | null;
  readonly settings: readonly SettingResult<Name>[];
  /** Questions that show a difference of 0.05 in the first score with probability 0.8, by the hardest setting. */
  readonly questionsNeeded: number | null;
}

export interface RunSummary<Name extends string = string> {
  readonly format: "amulet eval report, 1";
  readonly source: RunSource;
  readonly questions: number;
  readonly answers: number;
  readonly missing: number;
  readonly samples: number;
  readonly maxNewTokens: number;
  readonly temperature: number;
  readonly scorer: string;
  readonly measures: readonly MeasureOf<Name>[];
  /** What settings are compared with: the preference prompt alone, where the run has it. */
  readonly reference: { readonly key: string; readonly name: string };
  readonly groups: readonly GroupResult<Name>[];
}

/** The scores that the front looks at: the first, and the one that tells whether the language is whole. */
const frontMeasures = 2;
/** What a reader would call a difference. */
const smallestOfInterest = 0.05;

/** @param judged at least one */
export function summariseRun<Name extends string>(
  plan: RunPlan,
  judged: readonly JudgedAnswer<Name>[],
  scorer: Scorer<Name>,
  options: BootstrapOptions = {},
): RunSummary<Name> {
  const measures: MeasureOf<Name>[] = [...headlineFirst(scorer.names), "drift"];
  const reference = plan.settings.find((setting) => keyOf(setting) === "dial 1") ?? plan.settings[0]!;
  const names = [...new Set(plan.pairs.map(({ preferenceName }) => preferenceName))];
  const wanted = names.length > 1 ? [null, ...names] : names;
  const groups = wanted.map((preference) =>
    summariseGroup(
      { plan, measures, reference, options },
      judged.filter(({ pair }) => preference === null || pair.preferenceName === preference),
      preference,
    ),
  );
  const { answers } = plan.config;
  return {
    format: "amulet eval report, 1",
    source: plan.source,
    questions: plan.questions.length,
    answers: judged.length,
    missing: plan.rows.length - judged.length,
    samples: answers.samples,
    maxNewTokens: answers.maxNewTokens,
    temperature: answers.temperature,
    scorer: plan.config.scores,
    measures,
    reference: { key: keyOf(reference), name: nameSetting(reference) },
    groups: adjust(groups, measures),
  };
}

/** Reports compare by the first score: how far the preference is followed, or what a reward model says, where there is one. */
function headlineFirst<Name extends string>(names: readonly Name[]): Name[] {
  const headline = ["preference", "reward"].find((name) => names.includes(name as Name));
  return [...names.filter((name) => name === headline), ...names.filter((name) => name !== headline)];
}

interface Context<Name extends string> {
  readonly plan: RunPlan;
  readonly measures: readonly MeasureOf<Name>[];
  readonly reference: Setting;
  readonly options: BootstrapOptions;
}

function summariseGroup<Name extends string>(
  context: Context<Name>,
  judged: readonly JudgedAnswer<Name>[],
  preference: string | null,
): GroupResult<Name> {
  const { plan, measures, reference, options } = context;
  const table = tabulate(judged.map(({ cell }) => cell));
  const { samples } = plan.config.answers;
  const clusterOf = (asked: number) => plan.pairs[Math.floor(asked / samples)]!.questionNumber;
  const present = plan.settings.filter((setting) => table.has(keyOf(setting)));
  const summaries = present.map((setting) => summarise(table, setting, measures, { ...options, clusterOf }));
  const front = paretoFront(
    summaries.map((summary) => measures.slice(0, frontMeasures).map((measure) => summary[measure].mean)),
  );
  const settings = present.map((setting, i): SettingResult<Name> => {
    const versus =
      keyOf(setting) === keyOf(reference) || !table.has(keyOf(reference))
        ? undefined
        : compareWith(table, setting, context, clusterOf);
    return {
      key: keyOf(setting),
      name: nameSetting(setting),
      setting,
      summary: summaries[i]!,
      ...(versus && { versus }),
      isOnFront: front[i]!,
    };
  });
  return { preference, settings, questionsNeeded: neededOf(table, present, context, clusterOf) };
}

function compareWith<Name extends string>(
  table: CellTable<Name>,
  setting: Setting,
  { measures, reference, options }: Context<Name>,
  clusterOf: (asked: number) => number,
): Record<MeasureOf<Name>, PairedResult> {
  const compare = (measure: MeasureOf<Name>): PairedResult => {
    const { values, pairs } = differencesOf(table, reference, setting, measure);
    const clusters = pairs.map(clusterOf);
    return {
      difference: bootstrapClusters(values, clusters, options),
      p: signFlipTest(values, clusters),
      adjusted: null,
      wins: winRate(values, clusters, options),
    };
  };
  return Object.fromEntries(measures.map((measure) => [measure, compare(measure)])) as Record<
    MeasureOf<Name>,
    PairedResult
  >;
}

/** The run as its own pilot, question by question. */
function neededOf<Name extends string>(
  table: CellTable<Name>,
  settings: readonly Setting[],
  { measures, reference }: Context<Name>,
  clusterOf: (asked: number) => number,
): number | null {
  const needed = settings.map((setting) => {
    const { values, pairs } = differencesOf(table, reference, setting, measures[0]!);
    const byQuestion = groupMeans(values, pairs.map(clusterOf));
    return byQuestion.length < 2 ? 0 : questionsNeeded(byQuestion, smallestOfInterest);
  });
  const most = Math.max(0, ...needed);
  return most === 0 ? null : most;
}

function groupMeans(values: readonly number[], clusters: readonly number[]): number[] {
  const groups = new Map<number, number[]>();
  for (const [i, value] of values.entries()) {
    const group = groups.get(clusters[i]!);
    if (group) group.push(value);
    else groups.set(clusters[i]!, [value]);
  }
  return [...groups.values()].map(meanOf);
}

/** Holm's correction of each setting and measure, over the preferences. */
function adjust<Name extends string>(
  groups: readonly GroupResult<Name>[],
  measures: readonly MeasureOf<Name>[],
): GroupResult<Name>[] {
  const adjusted = new Map<PairedResult, number>();
  const single = groups.filter(({ preference }) => preference !== null);
  const keys = new Set(single.flatMap(({ settings }) => settings.map(({ key }) => key)));
  for (const key of keys) {
    for (const measure of measures) {
      const family = single.flatMap(
        ({ settings }) => settings.find((one) => one.key === key)?.versus?.[measure] ?? [],
      );
      for (const [i, p] of holm(family.map(({ p }) => p)).entries()) adjusted.set(family[i]!, p);
    }
  }
  const withAdjusted = ({ versus, ...rest }: SettingResult<Name>): SettingResult<Name> => {
    if (!versus) return rest;
    const entries = Object.entries(versus) as [MeasureOf<Name>, PairedResult][];
    const all = entries.map(([name, result]) => [
      name,
      { ...result, adjusted: adjusted.get(result) ?? null },
    ]);
    return { ...rest, versus: Object.fromEntries(all) };
  };
  return groups.map((group) => ({ ...group, settings: group.settings.map(withAdjusted) }));
}
