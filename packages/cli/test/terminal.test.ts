import { stripVTControlCharacters } from "node:util";
import { fc, test } from "@fast-check/vitest";
import picocolors from "picocolors";
import stringWidth from "string-width";
import { describe, expect, test as it, vi } from "vitest";
import { colorsFor, isLively, showsColors } from "../src/terminal/colors.js";
import { type Column, frameRows, layOutColumns, wrapText } from "../src/terminal/columns.js";
import { LiveArea } from "../src/terminal/live-area.js";
import { markNewWords } from "../src/terminal/new-words.js";
import { printable, printableInColor, printableJson } from "../src/terminal/printable.js";

const word = fc.oneof(
  fc.stringMatching(/^[a-z]{1,12}$/),
  fc.constantFrom(
    "茶碗",
    "お茶を入れる",
    "👩‍👩‍👧",
    "🫖",
    "naïve",
    "e\u0301te\u0301",
    "\x1b[32mgreen\x1b[39m",
  ),
);
const prose = fc.array(word, { maxLength: 40 }).map((words) => words.join(" "));
const width = fc.integer({ min: 4, max: 60 });
const withoutColours = stripVTControlCharacters;
// Composed and decomposed letters are the same text.
const letters = (text: string) => withoutColours(text).replace(/\s/g, "").normalize();

describe("wrapping", () => {
  test.prop([prose, width])("no line is wider than asked for, and nothing is lost", (text, cells) => {
    const lines = wrapText(text, cells);
    for (const line of lines) expect(stringWidth(line)).toBeLessThanOrEqual(cells);
    expect(letters(lines.join(""))).toBe(letters(text));
  });

  it("words stay whole where they fit", () => {
    expect(wrapText("boil the water slowly", 10)).toEqual(["boil the", "water", "slowly"]);
  });
});

describe("columns", () => {
  const footerRows = (columns: readonly Column[]) => Math.max(...columns.map(({ footer }) => footer.length));
  const column = fc.record({ heading: word, body: prose, footer: fc.array(word, { maxLength: 3 }) });

  test.prop([fc.array(column, { minLength: 1, maxLength: 5 }), fc.integer({ min: 60, max: 160 })])(
    "no row is wider than the terminal, and separators stand below each other",
    (columns, cells) => {
      const rows = layOutColumns(columns, cells);
      const places = (row: string) => {
        const parts = withoutColours(row).split("│").slice(0, -1);
        return parts.map((_, i) => stringWidth(parts.slice(0, i + 1).join("│")));
      };
      for (const row of rows) expect(stringWidth(row)).toBeLessThanOrEqual(cells);
      const body = rows.slice(2, -1 - footerRows(columns));
      for (const row of body) expect(places(row)).toEqual(places(rows[0]!));
    },
  );

  test.prop([fc.array(column, { minLength: 1, maxLength: 4 }), fc.integer({ min: 1, max: 8 })])(
    "a limit on rows holds, and the end of a text is what stays",
    (columns, most) => {
      const rows = layOutColumns(columns, 120, most);
      expect(rows.length).toBeLessThanOrEqual(most + frameRows + footerRows(columns));
      const whole = layOutColumns([columns[0]!], 29);
      const cut = layOutColumns([columns[0]!], 29, most);
      const lastRow = -2 - footerRows([columns[0]!]);
      expect(cut.at(lastRow)).toBe(whole.at(lastRow));
    },
  );
});

const introducer = "\x1b";
const parts = new RegExp(`${introducer}\\[[?\\d]*[A-Za-z]|\\r|\\n|[^${introducer}\\r\\n]+`, "g");
const cursorUp = new RegExp(`^${introducer}\\[(\\d+)A$`);

/** The few control sequences that the live area uses, on a grid of characters. */
class Screen {
  readonly lines: string[] = [];
  private row = 0;

  write(text: string): void {
    for (const part of text.match(parts) ?? []) this.apply(part);
  }

  private apply(part: string): void {
    const up = cursorUp.exec(part);
    if (up) this.row -= Number(up[1]);
    else if (part === "\n") this.row++;
    else if (part === "\x1b[J") this.lines.length = this.row;
    else if (part !== "\r" && !part.startsWith(introducer)) this.lines[this.row] = part;
    if (this.row < 0) throw new Error("above the screen");
  }
}

describe("the live area", () => {
  const frame = fc.array(fc.stringMatching(/^[a-z]{1,20}$/), { minLength: 1, maxLength: 6 });

  test.prop([fc.array(frame, { minLength: 1, maxLength: 8 })])("only the last frame is left", (frames) => {
    vi.useFakeTimers();
    const screen = new Screen();
    screen.write("before\n");
    const area = new LiveArea({ write: (text) => screen.write(text), columns: 80, rows: 24 });
    for (const lines of frames) {
      vi.advanceTimersByTime(1000);
      area.draw(() => lines);
    }
    area.finish(frames[0]!);
    vi.useRealTimers();
    expect(screen.lines).toEqual(["before", ...frames[0]!]);
  });

  it("a frame is never higher than the terminal", () => {
    let written = "";
    const area = new LiveArea({
      write: (text) => {
        written += text;
      },
      columns: 80,
      rows: 5,
    });
    area.draw(() => Array.from({ length: 30 }, (_, i) => `line ${i}`));
    expect(written.split("\n").length - 1).toBe(4);
  });
});

it("words that the first text has, in any case, are not marked", () => {
  const mark = (found: string) => `<${found}>`;
  expect(markNewWords("Boil the Water, don’t burn naïve tea!", "boil water tea", mark)).toBe(
    "Boil <the> Water, <don’t> <burn> <naïve> tea!",
  );
});

describe("text from elsewhere", () => {
  it("is seen where it would have steered the terminal", () => {
    expect(printable("a\x1b[2Jb\x07c\u009bd\u202e\x7f\r\ne\tf 👩‍👩‍👧")).toBe(
      "a\\x1b[2Jb\\x07c\\x9bd\\u202e\\x7f\ne\tf 👩‍👩‍👧",
    );
  });

  const anything = fc.string({
    unit: fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom("\x1b[1m", "\x1b[8m", "\x9b")),
  });
  const active = /(?![\n\t])[\p{Cc}\u202a-\u202e\u2066-\u2069]/u;

  test.prop([anything])("holds nothing that a terminal acts on, and loses no letter", (text) => {
    const shown = printable(text);
    expect(shown).not.toMatch(active);
    expect(printable(shown)).toBe(shown);
    if (!active.test(text)) expect(shown).toBe(text);
  });

  test.prop([anything])("keeps colours of ours at most", (text) => {
    const shown = printableInColor(picocolors.createColors(true).red(text));
    expect(shown.startsWith("\x1b[31m") && shown.endsWith("\x1b[39m")).toBe(true);
    expect(shown.replaceAll("\x1b[31m", "").replaceAll("\x1b[39m", "").replaceAll("\x1b[1m", "")).not.toMatch(
      active,
    );
  });

  test.prop([fc.jsonValue(), anything])("is the same value in JSON", (value, text) => {
    const json = printableJson(JSON.stringify([value, text]));
    expect(json).not.toMatch(active);
    expect(JSON.parse(json)).toEqual(JSON.parse(JSON.stringify([value, text])));
  });
});

describe("colours", () => {
  // Node's own rules for FORCE_COLOR; no-color.org's for NO_COLOR.
  test.each([
    [true, {}, true, true],
    [false, {}, false, false],
    [true, { TERM: "dumb" }, false, false],
    [true, { NO_COLOR: "1" }, false, false],
    [true, { NO_COLOR: "" }, true, true],
    [false, { FORCE_COLOR: "1" }, true, false],
    [false, { FORCE_COLOR: "" }, true, false],
    [false, { FORCE_COLOR: "3", NO_COLOR: "1" }, true, false],
    [true, { FORCE_COLOR: "0" }, false, false],
    [true, { FORCE_COLOR: "false" }, false, false],
    [true, { FORCE_COLOR: "true", TERM: "dumb" }, true, false],
  ])("terminal %s, %j: colours %s, moving lines %s", (isTTY, environment, colors, lively) => {
    const output = { isTTY, write: () => {} };
    expect(showsColors(output, environment)).toBe(colors);
    expect(isLively(output, environment)).toBe(lively);
    expect(colorsFor(output, environment).red("x") === "x").toBe(!colors);
  });
});
