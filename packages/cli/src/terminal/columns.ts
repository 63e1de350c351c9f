import stringWidth from "string-width";
import wrapAnsi from "wrap-ansi";

/** A heading and a text under it; both may hold colours. */
export interface Column {
  readonly heading: string;
  readonly body: string;
  /** Lines below the text; columns of one table have as many, or fewer. */
  readonly footer: readonly string[];
}

const separator = " │ ";

/** The text in lines of at most `width` cells, broken between words; wide characters and emoji take two cells. */
export function wrapText(text: string, width: number): string[] {
  return wrapAnsi(text.replaceAll("\t", "    "), width, { hard: true, trim: true }).split("\n");
}

/** The text in exactly `width` cells, if it fits. */
export function padToWidth(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - stringWidth(text)));
}

/** The text in at most `width` cells, cut where it is longer. */
export function cutToWidth(text: string, width: number): string {
  if (stringWidth(text) <= width) return text;
  return `${wrapAnsi(text, Math.max(1, width - 1), { hard: true, wordWrap: false, trim: false }).split("\n")[0]}…`;
}

/**
 * Columns side by side, `width` cells together.
 *
 * @param mostRows of text below the headings; where a text is longer its end is shown
 */
export function layOutColumns(
  columns: readonly Column[],
  width: number,
  mostRows = Number.POSITIVE_INFINITY,
): string[] {
  const gaps = separator.length * (columns.length - 1);
  const each = Math.max(1, Math.floor((width - gaps) / columns.length));
  const bodies = columns.map(({ body }) => lastRows(wrapText(body, each), mostRows));
  const height = Math.max(...bodies.map((rows) => rows.length));
  const footerRows = Math.max(...columns.map(({ footer }) => footer.length));
  const footers = Array.from({ length: footerRows }, (_, row) =>
    columns.map(({ footer }) => footer[row] ?? ""),
  );
  const body = Array.from({ length: height }, (_, row) => bodies.map((rows) => rows[row] ?? ""));
  const rule = columns.map(() => "─".repeat(each)).join("─┼─");
  const joinRow = (cells: readonly string[]) =>
    cells
      .map((cell) => padToWidth(cell, each))
      .join(separator)
      .trimEnd();
  return [
    joinRow(columns.map(({ heading }) => cutToWidth(heading, each))),
    rule,
    ...body.map(joinRow),
    rule.replaceAll("┼", "┴"),
    ...footers.map((cells) =>
      joinRow(cells.map((cell) => cutToWidth(cell, each))).replaceAll(separator, "   "),
    ),
  ];
}

/** Rows that {@link layOutColumns} adds to those of the text, without those of the footers. */
export const frameRows = 3;

function lastRows(rows: readonly string[], most: number): readonly string[] {
  if (rows.length <= most) return rows;
  return most > 1 ? ["…", ...rows.slice(rows.length - most + 1)] : rows.slice(-1);
}
