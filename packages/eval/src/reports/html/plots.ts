/** What settings buy and what they cost, as diagrams that tell their numbers to a pointer. */
import { openPlotter, type Plotter, palette } from "../../figures/panel.js";
import type { Interval } from "../../statistics/bootstrap.js";
import { spellInterval } from "../spell.js";
import type { GroupResult, RunSummary, SettingResult } from "../summarise-run.js";

/** The first score against the second, and against drift. */
export async function drawPlots(group: GroupResult, { measures }: RunSummary): Promise<string> {
  const plotter = await openPlotter();
  const [first, second] = measures as [string, string];
  return [
    drawTrade(group, [first, second], true, plotter),
    drawTrade(group, [first, "drift"], false, plotter),
  ].join("\n");
}

const inkOf = ({ setting: { kind, plausibility } }: SettingResult) => {
  if (kind === "bounded") return palette.bounded;
  return kind === "dial" && plausibility === undefined ? palette.dial : palette.masked;
};
/** With more settings than this, only some are named; a pointer tells the others. */
const mostNames = 10;
const isLandmark = ({ isOnFront, name }: SettingResult) => isOnFront || name === "base" || name === "pref";
/** What differs by its number alone is one curve. */
const curveOf = ({ setting: { kind, plausibility, weights } }: SettingResult) =>
  JSON.stringify([kind, plausibility ?? null, weights ?? null]);
/** What differs by its weights alone is another. */
const mixtureOf = ({ setting: { kind, value, plausibility } }: SettingResult) =>
  JSON.stringify([kind, value, plausibility ?? null]);

/** @param isFront whether these two scores are those whose front the run tells */
function drawTrade(
  { settings }: GroupResult,
  [x, y]: readonly [string, string],
  isFront: boolean,
  { Plot, draw }: Plotter,
): string {
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
      Plot.line([...settings].sort(byValue), { ...mean, z: curveOf, stroke: inkOf, strokeOpacity: 0.5 }),
      Plot.line(
        settings.filter(({ setting }) => setting.weights !== undefined),
        { ...mean, z: mixtureOf, stroke: inkOf, strokeOpacity: 0.5, strokeDasharray: "2 3" },
      ),
      ...(isFront ? [drawFront(settings, mean, Plot)] : []),
      Plot.dot(settings, { ...mean, fill: inkOf, r: 4.5, title: tell }),
      Plot.text(settings.length > mostNames ? settings.filter(isLandmark) : settings, {
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

type Place = Record<"x" | "y", (one: SettingResult) => number>;

/** Through the settings that no other beats in both scores. */
function drawFront(settings: readonly SettingResult[], { x, y }: Place, Plot: Plotter["Plot"]) {
  const front = settings.filter(({ isOnFront }) => isOnFront).sort((a, b) => x(a) - x(b));
  return Plot.line(front, { x, y, curve: "step-before", stroke: palette.muted, strokeDasharray: "6 3" });
}
