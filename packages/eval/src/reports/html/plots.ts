/** What settings buy and what they cost, as diagrams that tell their numbers to a pointer. */
import { openPlotter, type Plotter, palette } from "../../figures/panel.js";
import type { Interval } from "../../statistics/bootstrap.js";
import { spellInterval } from "../spell.js";
import type { GroupResult, RunSummary, SettingResult } from "../summarise-run.js";

/** The first score against the second, and against drift. */
export async function drawPlots(group: GroupResult, { measures }: RunSummary): Promise<string> {
  const plotter = await openPlotter();
  const [first, second] = measures as [string, string];
  return [drawTrade(group, first, second, plotter), drawTrade(group, first, "drift", plotter)].join("\n");
}

const isDial = ({ setting }: SettingResult) => setting.kind === "dial" && setting.plausibility === undefined;
const isBounded = ({ setting }: SettingResult) =>
  setting.kind === "bounded" && setting.plausibility === undefined;
const inkOf = (one: SettingResult) =>
  isDial(one) ? palette.dial : one.setting.kind === "bounded" ? palette.bounded : palette.masked;

function drawTrade({ settings }: GroupResult, x: string, y: string, { Plot, draw }: Plotter): string {
  const of = (measure: string, part: keyof Interval) => (one: SettingResult) => one.summary[measure]![part];
  const byValue = (a: SettingResult, b: SettingResult) => a.setting.value - b.setting.value;
  const mean = { x: of(x, "mean"), y: of(y, "mean") };
  const bars = { stroke: inkOf, strokeOpacity: 0.35 };
  const tell = (one: SettingResult) =>
    `${one.name}: ${x} ${spellInterval(one.summary[x]!)}, ${y} ${spellInterval(one.summary[y]!)}`;
  return draw({
    width: 560,
    height: 340,
    marginRight: 60,
    x: { label: x, grid: true },
    y: { label: y, grid: true },
    color: { type: "identity" },
    marks: [
      Plot.link(settings, { x1: of(x, "low"), x2: of(x, "high"), y1: mean.y, y2: mean.y, ...bars }),
      Plot.link(settings, { x1: mean.x, x2: mean.x, y1: of(y, "low"), y2: of(y, "high"), ...bars }),
      Plot.line(settings.filter(isDial).sort(byValue), { ...mean, stroke: palette.dial, strokeOpacity: 0.5 }),
      Plot.line(settings.filter(isBounded).sort(byValue), {
        ...mean,
        stroke: palette.bounded,
        strokeOpacity: 0.5,
      }),
      Plot.dot(settings, { ...mean, fill: inkOf, r: 4.5, title: tell }),
      Plot.text(settings, {
        ...mean,
        text: "name",
        dx: 7,
        dy: -7,
        textAnchor: "start",
        fill: inkOf,
        fontSize: 10,
      }),
    ],
  });
}
