/** A run as one page that needs nothing else: plots, tables, answers to look at, and a form for reading blind. */
import { describeRun } from "../markdown.js";
import type { JudgedAnswer } from "../run-cells.js";
import type { RunSummary, SettingResult } from "../summarise-run.js";
import { drawAnswerPair, extremesOf, pairAnswers } from "./answers.js";
import { drawBlindForm } from "./blind.js";
import { escapeHtml } from "./escape.js";
import { drawPlots } from "./plots.js";
import { pageScript, pageStyle } from "./script.js";
import { drawTable } from "./tables.js";

const shownPairs = 4;

export async function writeHtml(summary: RunSummary, judged: readonly JudgedAnswer[]): Promise<string> {
  const { groups, reference, measures } = summary;
  const [all, ...others] = groups;
  const shown = settingToShow(all!.settings, reference.key, measures[0]!);
  const pairs = shown ? pairAnswers(judged, reference.key, shown.key, measures[0]!) : [];
  const names = [reference.name, shown?.name ?? ""] as const;
  const { worst, best } = extremesOf(pairs, shownPairs);
  const list = (title: string, some: typeof best) => [
    `<h3>${title}</h3>`,
    ...some.map((pair) => drawAnswerPair(pair, names)),
  ];
  return [
    `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">`,
    `<title>Evaluation of ${escapeHtml(summary.source.model)}</title><style>${pageStyle}</style></head><body>`,
    `<h1>Evaluation of ${escapeHtml(summary.source.model)}</h1>`,
    ...describeRun(summary).map((line) => `<p class="facts">${escapeHtml(line)}</p>`),
    `<section class="plots">${await drawPlots(all!, summary)}</section>`,
    `<p class="facts">Blue: one strength x for all tokens. Orange: a budget of drift per token. Green: masked. Lines join what differs by its number, dots what differs by its weights, dashes the front of the first two scores. Bars are 95 % bootstrap intervals over questions. Differences are paired, against ${escapeHtml(reference.name)}; p by sign flips of whole questions, corrected by Holm over the preferences. ★ is on the front of the first two scores.</p>`,
    `<h2>${escapeHtml(all!.preference ?? "All preferences")}</h2>`,
    drawTable(all!, summary),
    ...others.map(
      (group) =>
        `<details><summary>${escapeHtml(group.preference!)}</summary>${drawTable(group, summary)}</details>`,
    ),
    ...(shown
      ? [
          `<h2>${escapeHtml(shown.name)} beside ${escapeHtml(reference.name)}</h2>`,
          `<p class="facts">The colour of a token is KL(π ‖ π_pref) there, white at 0, full at 2 nats.</p>`,
          ...list(`Where ${escapeHtml(measures[0]!)} gains most`, best),
          ...list("Where it loses most", worst),
          "<h2>Read blind</h2>",
          drawBlindForm(pairs, names),
        ]
      : []),
    `<div id="tip" hidden></div><script>${pageScript}</script></body></html>`,
    "",
  ].join("\n");
}

/** Of the settings on the front the one that follows the preference most; the reference itself has nothing to show. */
function settingToShow(
  settings: readonly SettingResult[],
  reference: string,
  measure: string,
): SettingResult | undefined {
  const others = settings.filter(({ key }) => key !== reference);
  const front = others.filter(({ isOnFront }) => isOnFront);
  const among = front.length > 0 ? front : others;
  return [...among].sort((a, b) => b.summary[measure]!.mean - a.summary[measure]!.mean)[0];
}
