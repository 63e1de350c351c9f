/** The gap to the closed form against iterations, as an SVG on white, so that it is read on dark pages too. */
import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";

/** Colours told apart by people who see no red or no green as well (Okabe and Ito 2008). */
const palette = {
  "mirror ascent, pace 0.5": "#0072b2",
  "mirror ascent, pace 0.1": "#56b4e9",
  "Newton on the dual": "#000000",
  "projected gradient": "#009e73",
  adam: "#d55e00",
  momentum: "#cc79a7",
  sgd: "#e69f00",
};

const size = { width: 470, height: 380 };
const keyHeight = 96;
const keyColumns = 3;
/** Gaps below this are rounding of numbers near 1. */
const floor = 1e-16;

/** @param panels as `npm run figures` measures them */
export function drawConvergence(panels) {
  const { document } = parseHTML("<!doctype html><html></html>");
  const width = size.width * panels.length;
  const height = size.height + keyHeight;
  const placed = panels.map((panel, i) =>
    drawPanel(panel, document).replace("<svg ", `<svg x="${i * size.width}" y="${keyHeight}" `),
  );
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif">`,
    "<title>Optimisers converging to the closed form of one step of Amulet</title>",
    '<rect width="100%" height="100%" fill="white"/>',
    ...drawKey(panels),
    ...placed,
    "</svg>",
  ].join("\n")}\n`;
}

function drawPanel({ title, curves }, document) {
  const marks = curves.flatMap(({ name, points, theory = [] }) => [
    Plot.line(visible(theory), {
      x: "x",
      y: "gap",
      stroke: palette[name],
      strokeWidth: 4,
      strokeOpacity: 0.3,
    }),
    Plot.line(visible(points), { x: "x", y: "gap", stroke: palette[name], strokeWidth: 1.6 }),
  ]);
  const svg = Plot.plot({
    ...size,
    document,
    marginTop: 44,
    marginLeft: 58,
    marginRight: 18,
    marginBottom: 42,
    style: { fontSize: "12px", color: "#222", background: "white" },
    x: {
      type: "log",
      label: "iteration + 1 →",
      tickFormat: (value) => String(value),
      ticks: [1, 10, 100, 1000],
    },
    y: {
      type: "log",
      domain: [floor, 100],
      label: `↑ ${title}: F(π*) − F(π)`,
      grid: true,
      ticks: [100, 1, 1e-2, 1e-4, 1e-6, 1e-8, 1e-10, 1e-12, 1e-14, 1e-16],
      tickFormat: (value) => (value >= 1 ? String(value) : value.toExponential(0)),
    },
    marks: [Plot.frame({ stroke: "#bbb" }), ...marks],
  });
  svg.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  return svg.outerHTML;
}

/** Until a curve reaches rounding; what comes after is noise. */
function visible(points) {
  const end = points.findIndex(({ gap }) => gap <= floor);
  const kept = end < 0 ? points : [...points.slice(0, end), { ...points[end], gap: floor }];
  return kept.map(({ iteration, gap }) => ({ x: iteration + 1, gap: Math.max(gap, floor) }));
}

/** One line of each colour with its name, in two rows, and what the broad lines are. */
function drawKey(panels) {
  const names = [...new Set(panels.flatMap(({ curves }) => curves.map(({ name }) => name)))];
  const types = new Map(panels.flatMap(({ curves }) => curves.map(({ name, type }) => [name, type])));
  const column = (size.width * panels.length - 24) / keyColumns;
  const placeOf = (i) => [24 + (i % keyColumns) * column, 24 + Math.floor(i / keyColumns) * 22];
  const entries = names.map((name, i) => {
    const [x, y] = placeOf(i);
    const text = `${name} <tspan fill="#666">${types.get(name)}</tspan>`;
    return drawEntry(x, y, `stroke="${palette[name]}" stroke-width="2"`, text);
  });
  const [x, y] = placeOf(names.length);
  return [
    ...entries,
    drawEntry(x, y, 'stroke="#0072b2" stroke-opacity="0.3" stroke-width="6"', "broad: its theory"),
  ];
}

function drawEntry(x, y, stroke, text) {
  return (
    `<line x1="${x}" y1="${y - 4}" x2="${x + 24}" y2="${y - 4}" ${stroke}/>` +
    `<text x="${x + 31}" y="${y}" font-size="12.5" fill="#222">${text}</text>`
  );
}
