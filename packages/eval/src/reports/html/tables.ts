/** The numbers of a run as tables, an interval drawn beside each of its means. */
import type { Interval } from "../../statistics/bootstrap.js";
import { spellCut, spellInterval, spellPaired, tableHead } from "../spell.js";
import type { GroupResult, RunSummary } from "../summarise-run.js";
import { escapeHtml } from "./escape.js";

export function drawTable(group: GroupResult, run: RunSummary): string {
  const { measures } = run;
  const first = measures[0]!;
  const ranges = new Map(measures.map((measure) => [measure, rangeOf(group, measure)]));
  const rows = group.settings.map(({ name, summary, versus, isOnFront }) =>
    [
      `<th scope="row">${escapeHtml(name)}${isOnFront ? ' <b title="on the front">★</b>' : ""}</th>`,
      ...measures.map((measure) => drawInterval(summary[measure]!, ranges.get(measure)!)),
      ...[summary.tokens.toFixed(1), spellCut(summary), ...spellPaired(versus?.[first])].map(
        (text) => `<td>${escapeHtml(text)}</td>`,
      ),
    ].join(""),
  );
  return [
    `<div class="wide"><table><thead><tr>${tableHead(run)
      .map((name) => `<th scope="col">${escapeHtml(name)}</th>`)
      .join("")}</tr></thead>`,
    `<tbody>${rows.map((row) => `<tr>${row}</tr>`).join("\n")}</tbody></table></div>`,
    group.questionsNeeded === null
      ? ""
      : `<p class="facts">A difference of 0.05 in ${escapeHtml(first)} takes up to ${group.questionsNeeded} questions to see with probability 0.8.</p>`,
  ].join("\n");
}

type Range = readonly [from: number, to: number];

/** From 0 to 1, or as far as there is something: drift and what models measure have other bounds. */
function rangeOf({ settings }: GroupResult, measure: string): Range {
  const all = settings.map(({ summary }) => summary[measure]!);
  return [Math.min(0, ...all.map(({ low }) => low)), Math.max(1, ...all.map(({ high }) => high))];
}

function drawInterval(interval: Interval, [from, to]: Range): string {
  const at = (value: number) => (100 * (value - from)) / (to - from);
  const { mean, low, high } = interval;
  const bar = `left:${at(low).toFixed(1)}%;width:${Math.max(0.5, at(high) - at(low)).toFixed(1)}%`;
  return `<td data-tip="${spellInterval(interval)}"><span class="bar"><i style="${bar}"></i><u style="left:${at(mean).toFixed(1)}%"></u></span>${mean.toFixed(3)} <small>[${low.toFixed(2)}, ${high.toFixed(2)}]</small></td>`;
}
