/** The help, written from the tables of commands and options. */
import type { Colors } from "picocolors/types.js";
import stringWidth from "string-width";
import type { Command } from "./command.js";
import { type CommandName, commandNames, commands } from "./commands/table.js";
import type { OptionSpec } from "./options/kinds.js";

/** What `amulet --help` prints. */
export function formatHelp(colors: Colors): string {
  const rows = commandNames.map((name): Row => [name, commands[name].summary]);
  return [
    "Amulet: a language model follows a stated preference while it answers, with no training.",
    "",
    heading("Usage", colors),
    "  amulet [COMMAND] [QUESTION] [OPTIONS]     COMMAND is compare unless given",
    "",
    heading("Commands", colors),
    ...formatRows(rows, colors),
    "",
    heading("Try", colors),
    ...commands.compare.examples.map((example) => `  ${example}`),
    "",
    "`amulet COMMAND --help` lists a command's options, `amulet --version` the version.",
    "",
  ].join("\n");
}

/** What `amulet COMMAND --help` prints. */
export function formatCommandHelp(name: CommandName, colors: Colors): string {
  const { usage, summary, examples, options }: Command = commands[name];
  const groups = Object.entries(options).map(([group, members]) => ({
    group,
    rows: Object.entries(members).map(([option, spec]): Row => [spell(option, spec), spec.help]),
  }));
  const width = Math.max(...groups.flatMap(({ rows }) => rows.map(([term]) => stringWidth(term))));
  const sections = groups.flatMap(({ group, rows }) => [
    "",
    heading(group, colors),
    ...formatRows(rows, colors, width),
  ]);
  const lines = [
    `${name}: ${summary}.`,
    "",
    heading("Usage", colors),
    `  ${usage}`,
    ...sections,
    "",
    heading("Examples", colors),
    ...examples.map((example) => `  ${example}`),
  ];
  return `${lines.join("\n")}\n`;
}

type Row = readonly [term: string, text: string];

function spell(name: string, { placeholder }: OptionSpec<unknown>): string {
  return placeholder === undefined ? `--${name}` : `--${name} ${placeholder}`;
}

function formatRows(rows: readonly Row[], colors: Colors, width = 0): string[] {
  const column = Math.max(width, ...rows.map(([term]) => stringWidth(term)));
  return rows.map(
    ([term, text]) => `  ${colors.cyan(term)}${" ".repeat(column - stringWidth(term))}  ${text}`,
  );
}

function heading(text: string, colors: Colors): string {
  return colors.bold(text);
}
