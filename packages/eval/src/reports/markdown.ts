/** A run's numbers as Markdown. */
import type { Interval } from "../statistics/bootstrap.js";
import type { GroupResult, PairedResult, RunSummary } from "./summarise-run.js";

/** `0.412 [0.35, 0.47]`: never a mean without its interval. */
export function spellInterval({ mean, low, high }: Interval): string {
  return `${spell(mean)} [${spell(low)}, ${spell(high)}]`;
}

function spell(value: number): string {
  return value
    .toFixed(3)
    .replace(/^-(?=.*[1-9])/, "−")
    .replace(/^-/, "");
}

/** `0.012`, `<0.001`. */
export function spellP(p: number): string {
  return p < 0.001 ? "<0.001" : p.toFixed(3);
}

export function spellWins({ wins }: PairedResult): string {
  return `${wins.wins} / ${wins.ties} / ${wins.losses}`;
}

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

function writeGroup(group: GroupResult, { measures, reference }: RunSummary): string[] {
  const first = measures[0]!;
  const head = [
    "setting",
    ...measures,
    "tokens",
    "cut",
    `${first} − ${reference.name}`,
    "p",
    "wins / ties / losses",
  ];
  const rows = group.settings.map(({ name, summary, versus, isOnFront }) => {
    const against = versus?.[first];
    return [
      isOnFront ? `${name} \\*` : name,
      ...measures.map((measure) => spellInterval(summary[measure]!)),
      summary.tokens.toFixed(1),
      `${Math.round(100 * summary.cut)} %`,
      ...(against
        ? [spellInterval(against.difference), spellP(against.adjusted ?? against.p), spellWins(against)]
        : ["", "", ""]),
    ];
  });
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
