/** A run's numbers as Markdown. */
import { spellCut, spellInterval, spellPaired, tableHead } from "./spell.js";
import type { GroupResult, RunSummary } from "./summarise-run.js";

export function describeRun({ source, questions, answers, missing, samples, ...run }: RunSummary): string[] {
  const how = run.temperature === 0 ? "greedy" : `temperature ${run.temperature}, ${samples} samples`;
  return [
    `${source.model} (${source.digest}) · ${source.engine}, ${source.backend}`,
    `${questions} questions · ${answers} answers, ${how}, ${run.maxNewTokens} tokens at most · scores: ${run.scorer}`,
    ...(missing > 0 ? [`${missing} answers are missing: this is a part of the run.`] : []),
  ];
}

export function writeMarkdown(summary: RunSummary): string {
  return [
    "# Evaluation",
    "",
    ...describeRun(summary).flatMap((line) => [line, ""]),
    `Means with 95 % bootstrap intervals over questions. Differences are paired, against ${summary.reference.name}; p by sign ` +
      "flips, corrected by Holm over the preferences. Starred settings are on the front of the first two scores.",
    "",
    ...summary.groups.flatMap((group) => writeGroup(group, summary)),
  ].join("\n");
}

function writeGroup(group: GroupResult, run: RunSummary): string[] {
  const { measures } = run;
  const first = measures[0]!;
  const rows = group.settings.map(({ name, summary, versus, isOnFront }) => [
    isOnFront ? `${name} \\*` : name,
    ...measures.map((measure) => spellInterval(summary[measure]!)),
    summary.tokens.toFixed(1),
    spellCut(summary),
    ...spellPaired(versus?.[first]),
  ]);
  const head = tableHead(run);
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [
    `## ${group.preference ?? "All preferences"}`,
    "",
    line(head),
    line(head.map(() => "---")),
    ...rows.map(line),
    "",
    ...(group.questionsNeeded === null
      ? []
      : [
          `A difference of 0.05 in ${first} takes up to ${group.questionsNeeded} questions to see (80 %).`,
          "",
        ]),
  ];
}
