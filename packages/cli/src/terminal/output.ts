/** Standard output and standard error, as every command writes to them. */
import { setImmediate } from "node:timers/promises";
import type { Io } from "../io.js";
import { colorsFor } from "./colors.js";
import { wrapText } from "./columns.js";

/** One JSON object and a line break. JSON has no infinities: they are written as the strings that are read back. */
export function writeJson(io: Io, value: unknown): void {
  io.stdout.write(`${JSON.stringify(value, spellInfinities)}\n`);
}

export function spellInfinities(_: string, value: unknown): unknown {
  return typeof value === "number" && !Number.isFinite(value) ? String(value) : value;
}

/** Lines for people, broken between words where a terminal would break them anywhere. */
export function writeLines(io: Io, lines: readonly string[]): void {
  const { isTTY, columns } = io.stdout;
  const rows = isTTY && columns ? lines.flatMap((line) => wrapText(line, columns)) : lines;
  io.stdout.write(`${rows.join("\n")}\n`);
}

/** `1 token`, `2 tokens`. */
export function formatCount(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** Something that the user should know and did not ask for. */
export function writeNote(io: Io, note: string | undefined): void {
  if (note !== undefined) io.stderr.write(`amulet: ${note}\n`);
}

/** Facts about a run, for people who look on; scripts that read standard error see none. */
export function writeFacts(io: Io, facts: readonly string[]): void {
  if (io.stderr.isTTY !== true) return;
  io.stderr.write(`${colorsFor(io.stderr, io.environment).dim(facts.join(" · "))}\n`);
}

/** Lets signals and other events be heard: a backend that computes at once never gives them room. */
export function breathe(): Promise<void> {
  return setImmediate();
}

/** A number for people: four significant digits at most. */
export function formatNumber(value: number): string {
  return Number.isFinite(value) ? String(Number(value.toPrecision(4))) : value < 0 ? "−∞" : "∞";
}
