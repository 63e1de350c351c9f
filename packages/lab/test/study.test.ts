/** What a study concludes from its cells, on made-up ones of which the conclusions are known. */

import {
  batchSize,
  type Cell,
  type CurvePlan,
  paperStrength,
  type RunIdentity,
  settingsOf,
} from "@amulet-ts/eval";
import { expect, test } from "vitest";
import { keyOf } from "../../eval/src/grid/settings.js";
import type { LabScore } from "../src/scores/scorer.js";
import { conclude } from "../src/study/conclude.js";
import { studyPlan } from "../src/study/plan.js";
import { preferenceNames } from "../src/world/preferences.js";

const plan: CurvePlan = {
  strengths: [0, 1, 2, paperStrength],
  iterations: [0, 2, 60],
  exactIterations: [2, 60],
  budgets: [0, 0.1],
  ratios: [0, 1],
};

/** Cells whose scores are known functions of x, with a wobble of their own for each pair. */
function madeUp(reported: number, choosing: number): Cell<LabScore>[] {
  const wobble = (pair: number) => 0.05 * Math.sin(pair * 12.9898);
  return settingsOf(plan).flatMap((setting) =>
    Array.from({ length: reported + choosing }, (_, pair): Cell<LabScore> => {
      const x = setting.kind === "dial" ? setting.value : 1;
      return {
        setting: keyOf(setting),
        pair,
        text: "",
        tokens: 5,
        finishReason: "stop",
        drift: Math.max(0, x - 1),
        scores: {
          preference: Math.min(1, 0.1 + 0.2 * x) + wobble(pair),
          grammaticality: x > 2.2 ? 0.5 : 1,
          relevance: 0.9,
        },
      };
    }),
  );
}
/** The cell with other scores. */
const spoil = (cell: Cell<LabScore>, scores: Partial<Record<LabScore, number>>): Cell<LabScore> => ({
  ...cell,
  scores: { ...cell.scores, ...scores },
});

const run: RunIdentity = {
  model: "",
  backend: "",
  pairs: "",
  pairCount: 90,
  settings: "",
  settingCount: 1,
  batchSize,
  maxNewTokens: 6,
  temperature: 0,
  seed: 0,
};
const preferences = Array.from({ length: 90 }, (_, pair) => preferenceNames[pair % 3]!);
const study = (cells: readonly Cell<LabScore>[], reportedPairs = 60) =>
  conclude({ plan, cells, run, preferences, reportedPairs });

test("each preference has the means of its own reported pairs, and together they make the whole's", () => {
  const spoilt = madeUp(60, 30).map((cell) =>
    cell.pair % 3 === 1 ? spoil(cell, { grammaticality: 0.25 }) : cell,
  );
  const { byPreference, curves } = study(spoilt);
  expect(byPreference.map(({ preference }) => preference)).toEqual(preferenceNames.slice(0, 3));
  const prompt = byPreference.map(({ settings }) => settings[0]!);
  expect(prompt.map(({ pairs, grammaticality }) => [pairs, grammaticality.mean])).toEqual([
    [20, 1],
    [20, 0.25],
    [20, 1],
  ]);
  const together = prompt.reduce((sum, { preference }) => sum + preference.mean / 3, 0);
  expect(together).toBeCloseTo(curves.strength.find(({ at }) => at === 1)!.preference.mean, 12);
  expect(byPreference[0]!.settings.map(({ value }) => value)).toEqual([1, paperStrength]);
  const whole = study(madeUp(60, 30)).byPreference[0]!;
  expect(whole.settings.map(({ value }) => value)).toEqual([1, 2, paperStrength]);
});

test("the strongest setting that keeps the language whole is chosen, and every claim holds of such data", () => {
  const { chosen, claims, comparisons } = study(madeUp(60, 30));
  expect(chosen.dial).toMatchObject({ value: 2, pairs: 60 });
  expect(claims.map(({ holds }) => holds)).toEqual([true, true, true, true, true]);
  expect(comparisons[1]).toMatchObject({ before: { value: 1 }, after: { value: 2 } });
  expect(comparisons[1]!.difference.preference.mean).toBeCloseTo(0.2, 9);
  // The wobble is the pair's own and cancels out.
  expect(comparisons[1]!.difference.preference.high - 0.2).toBeLessThan(1e-9);
});

test("reported pairs have no say in the choice", () => {
  const cells = madeUp(60, 30);
  const spoilt = cells.map((cell) =>
    cell.pair < 60 ? spoil(cell, { grammaticality: 0, relevance: 0 }) : cell,
  );
  expect(study(spoilt).chosen.dial).toMatchObject({ value: 2 });
  expect(study(spoilt).claims.map(({ holds }) => holds)).toEqual([true, true, false, true, false]);
});

test("where no setting keeps the language whole, none is chosen and the claims about it fail", () => {
  const broken = madeUp(60, 30).map((cell) => spoil(cell, { grammaticality: 0.5 }));
  const { chosen, claims } = study(broken);
  expect(chosen).toEqual({ dial: null, bounded: null, masked: null });
  expect(claims.map(({ holds }) => holds)).toEqual([true, false, false, false, false]);
});

test("every curve of the study is ascending and its settings are distinct", () => {
  const settings = settingsOf(studyPlan);
  expect(new Set(settings.map(keyOf)).size).toBe(settings.length);
  const dial = settings.filter(({ kind }) => kind === "dial").map(({ value }) => value);
  expect(dial).toEqual([...dial].sort((a, b) => a - b));
  expect(dial[0]).toBe(0);
  expect(dial.at(-1)).toBe(12);
});
