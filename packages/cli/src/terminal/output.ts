/** Standard output and standard error. Every command writes to them here, so that nothing foreign reaches a terminal raw. */
import type { Io } from "../io.js";
import { colorsFor } from "./colors.js";
import { wrapText } from "./columns.js";
import { printable, printableInColor, printableJson, printableLine } from "./printable.js";

/** One JSON object and a line break. JSON has no infinities: they are written as the strings that are read back. */
export function writeJson(io: Io, value: unknown): void {
  io.stdout.write(`${printableJson(JSON.stringify(value, spellInfinities))}\n`);
}

export function spellInfinities(_: string, value: unknown): unknown {
  return typeof value === "number" && !Number.isFinite(value) ? String(value) : value;
}

/** Text as it comes: a pipe gets every character, a terminal what can be shown. */
export function writeText({ stdout }: Io, text: string): void {
  stdout.write(stdout.isTTY ? printable(text) : text);
}

/** Lines for people, which may hold colours; broken between words where a terminal would break them anywhere. */
export function writeLines(io: Io, lines: readonly string[]): void {
  const { isTTY, columns } = io.stdout;
  const shown = lines.map(printableInColor);
  const rows = isTTY && columns ? shown.flatMap((line) => wrapText(line, columns)) : shown;
  io.stdout.write(`${rows.join("\n")}\n`);
}

/** The same for lines that were laid out: breaking them between words would take their columns away. */
export function writeRows(io: Io, rows: readonly string[]): void {
  io.stdout.write(`${rows.map(printableInColor).join("\n")}\n`);
}

/** `1 token`, `2 tokens`. */
export function formatCount(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** Something that the user should know and did not ask for. */
export function writeNote(io: Io, note: string | undefined): void {
  if (note !== undefined) writeAside(io, `amulet: ${note}`);
}

/** Facts about a run, for people who look on; scripts that read standard error see none. */
export function writeFacts(io: Io, facts: readonly string[]): void {
  if (io.stderr.isTTY !== true) return;
  writeDim(io, facts.join(" · "));
}

/** A line on standard error. */
export function writeAside(io: Io, line: string): void {
  io.stderr.write(`${printableLine(line)}\n`);
}

/** The same, and less loud. */
export function writeDim(io: Io, line: string): void {
  io.stderr.write(`${colorsFor(io.stderr, io.environment).dim(printableLine(line))}\n`);
}

/** An error as Node shows it, over several lines. */
export function writeStack(io: Io, stack: string): void {
  io.stderr.write(`${printable(stack)}\n`);
}

/** A number for people: four significant digits at most. */
export function formatNumber(value: number): string {
  return Number.isFinite(value) ? String(Number(value.toPrecision(4))) : value < 0 ? "−∞" : "∞";
}
