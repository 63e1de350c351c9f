import stringWidth from "string-width";
import { padToWidth } from "./columns.js";
import { printableInColor } from "./printable.js";

/**
 * Rows of cells as lines with straight columns, two spaces between them.
 *
 * @param rightAligned indices of the columns that end in line instead
 */
export function layOutTable(rows: readonly (readonly string[])[], rightAligned: readonly number[]): string[] {
  const shown = rows.map((row) => row.map((cell) => printableInColor(cell).replaceAll("\n", " ")));
  const widths = (shown[0] ?? []).map((_, column) =>
    shown.reduce((most, row) => Math.max(most, stringWidth(row[column]!)), 0),
  );
  const place = (cell: string, column: number) =>
    rightAligned.includes(column)
      ? " ".repeat(widths[column]! - stringWidth(cell)) + cell
      : padToWidth(cell, widths[column]!);
  return shown.map((row) => row.map(place).join("  ").trimEnd());
}
