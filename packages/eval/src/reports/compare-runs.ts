/** Two runs of the same questions, such as before and after a change: what changed, and whether by more than noise. */
import type { BootstrapOptions } from "../statistics/bootstrap.js";
import { bootstrapClusters } from "../statistics/cluster-bootstrap.js";
import { holm } from "../statistics/multiple.js";
import { signFlipTest, winRate } from "../statistics/paired.js";
import type { JudgedAnswer } from "./run-cells.js";
import type { PairedResult } from "./summarise-run.js";

export interface SettingChange<Name extends string = string> {
  readonly setting: string;
  /** Answers that both runs have. */
  readonly answers: number;
  /** Share of them that are the same text. */
  readonly same: number;
  /** `second − first` by score; adjusted by Holm over the settings. */
  readonly scores: Readonly<Record<Name, PairedResult>>;
}

/**
 * Answers are matched by question, preference, setting and sample; what only one run has is left out.
 *
 * @returns one entry for each setting that both have, in the order of the first
 */
export function compareRuns<Name extends string>(
  first: readonly JudgedAnswer<Name>[],
  second: readonly JudgedAnswer<Name>[],
  names: readonly Name[],
  options: BootstrapOptions = {},
): SettingChange<Name>[] {
  const others = new Map(second.map((one) => [placeOf(one), one]));
  const settings = [...new Set(first.map(({ cell }) => cell.setting))];
  const changes = settings.flatMap((setting) => {
    const both = first
      .filter(({ cell }) => cell.setting === setting)
      .flatMap((before) => {
        const after = others.get(placeOf(before));
        return after ? [{ before, after }] : [];
      });
    return both.length === 0 ? [] : [changeOf(setting, both, names, options)];
  });
  return adjust(changes, names);
}

function placeOf({ answer, pair }: JudgedAnswer): string {
  return JSON.stringify([pair.question, pair.preference, answer.setting, answer.sample]);
}

interface Both<Name extends string> {
  readonly before: JudgedAnswer<Name>;
  readonly after: JudgedAnswer<Name>;
}

function changeOf<Name extends string>(
  setting: string,
  both: readonly Both<Name>[],
  names: readonly Name[],
  options: BootstrapOptions,
): SettingChange<Name> {
  const clusters = both.map(({ before }) => before.pair.questionNumber);
  const scores = names.map((name) => {
    const values = both.map(({ before, after }) => after.cell.scores[name] - before.cell.scores[name]);
    const result: PairedResult = {
      difference: bootstrapClusters(values, clusters, options),
      p: signFlipTest(values, clusters),
      adjusted: null,
      wins: winRate(values, clusters, options),
    };
    return [name, result] as const;
  });
  const same = both.filter(({ before, after }) => before.answer.text === after.answer.text).length;
  return {
    setting,
    answers: both.length,
    same: same / both.length,
    scores: Object.fromEntries(scores) as Record<Name, PairedResult>,
  };
}

function adjust<Name extends string>(
  changes: readonly SettingChange<Name>[],
  names: readonly Name[],
): SettingChange<Name>[] {
  const adjusted = new Map(names.map((name) => [name, holm(changes.map(({ scores }) => scores[name].p))]));
  return changes.map((change, i) => {
    const scores = names.map((name) => [name, { ...change.scores[name], adjusted: adjusted.get(name)![i]! }]);
    return { ...change, scores: Object.fromEntries(scores) as Record<Name, PairedResult> };
  });
}
