/** How a run's numbers look in a terminal. */
import {
  describeRun,
  type GroupResult,
  type RunSummary,
  type SettingChange,
  spellInterval,
  spellP,
  spellWins,
} from "@amulet-ts/eval";
import type { Io } from "../../io.js";
import { colorsFor } from "../../terminal/colors.js";
import { layOutTable } from "../../terminal/table.js";

export function formatRun(summary: RunSummary, io: Io): string[] {
  const { bold, dim } = colorsFor(io.stdout, io.environment);
  const [all, ...others] = summary.groups;
  return [
    ...describeRun(summary).map(dim),
    "",
    bold(all!.preference ?? "all preferences"),
    ...formatGroup(all!, summary),
    "",
    ...(others.length === 0
      ? []
      : [bold(`${summary.measures[0]} by preference`), ...formatOthers(others, summary), ""]),
    dim(
      `95 % intervals over questions; Δ and wins against ${summary.reference.name}, p by sign flips, corrected by Holm over ` +
        "the preferences where it is one preference's; * on the front of the first two scores",
    ),
  ];
}

function formatGroup({ settings }: GroupResult, { measures }: RunSummary): string[] {
  const first = measures[0]!;
  const rest = measures.slice(1);
  const head = ["", first, `Δ ${first}`, "p", "w/t/l", ...rest, "tokens", "cut"];
  const rows = settings.map(({ name, isOnFront, summary, versus }) => {
    const against = versus?.[first];
    return [
      `${name}${isOnFront ? " *" : ""}`,
      spellInterval(summary[first]!),
      ...(against
        ? [
            spellInterval(against.difference),
            spellP(against.adjusted ?? against.p),
            spellWins(against).replaceAll(" ", ""),
          ]
        : ["", "", ""]),
      ...rest.map((measure) => summary[measure]!.mean.toFixed(3)),
      summary.tokens.toFixed(1),
      `${Math.round(100 * summary.cut)} %`,
    ];
  });
  return layOutTable(
    [head, ...rows],
    head.flatMap((_, i) => (i > 2 ? [i] : [])),
  );
}

/** One score, a column for each preference. */
function formatOthers(groups: readonly GroupResult[], { measures }: RunSummary): string[] {
  const first = measures[0]!;
  const head = ["", ...groups.map(({ preference }) => preference!)];
  const names = groups[0]!.settings.map(({ name }) => name);
  const rows = names.map((name) => [
    name,
    ...groups.map(({ settings }) => {
      const found = settings.find((one) => one.name === name);
      return found ? spellInterval(found.summary[first]!) : "";
    }),
  ]);
  return layOutTable([head, ...rows], []);
}

/** What changed between two runs, by setting. */
export function formatChanges(changes: readonly SettingChange[], names: readonly string[], io: Io): string[] {
  const { bold, dim } = colorsFor(io.stdout, io.environment);
  const head = ["", "answers", "same", ...names.flatMap((name) => [`Δ ${name}`, "p"])];
  const rows = changes.map(({ setting, answers, same, scores }) => [
    setting,
    String(answers),
    `${Math.floor(100 * same)} %`,
    ...names.flatMap((name) => {
      const { difference, p, adjusted } = scores[name]!;
      return [spellInterval(difference), spellP(adjusted ?? p)];
    }),
  ]);
  return [
    bold("what changed"),
    ...layOutTable([head, ...rows], [1, 2]),
    "",
    dim(
      "later − earlier run, 95 % intervals over questions; p by sign flips, corrected by Holm over the settings",
    ),
  ];
}
