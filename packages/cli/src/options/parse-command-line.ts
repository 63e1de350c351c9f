/** From the words after `amulet` to a checked call of a command. */
import { parseArgs } from "node:util";
import { type Command, optionsOf } from "../command.js";
import { type CommandName, commandNames, commands, isCommandName } from "../commands/table.js";
import { usageError } from "../errors.js";
import type { Options } from "./kinds.js";
import { didYouMean, nearestName } from "./suggest.js";
import { alignWeights, type WrittenOption } from "./weights.js";

export type CommandLine =
  | { readonly kind: "help"; readonly command?: CommandName }
  | { readonly kind: "version" }
  | {
      readonly kind: "call";
      readonly command: CommandName;
      readonly values: Readonly<Record<string, unknown>>;
      readonly question?: string;
      readonly words: readonly string[];
    };

/** Of all commands, by name; where two commands mean different things by a name, they agree on whether it has a value. */
const everyOption: Options = Object.assign({}, ...commandNames.map((name) => optionsOf(commands[name])));

/**
 * `compare` is what is meant where the first word is no command's name.
 *
 * @throws CliError `usage`
 */
export function parseCommandLine(words: readonly string[]): CommandLine {
  const [first, ...rest] = words;
  if (first === undefined || first === "--help" || first === "-h") return { kind: "help" };
  if (first === "help") return helpOn(rest[0]);
  if (first === "--version") return { kind: "version" };
  if (isCommandName(first)) return parseCall(first, rest);
  checkNoMisspeltCommand(first);
  return parseCall("compare", words);
}

function helpOn(topic: string | undefined): CommandLine {
  if (topic === undefined) return { kind: "help" };
  if (isCommandName(topic)) return { kind: "help", command: topic };
  throw unknownCommand(topic);
}

/** A single word that almost spells a command is no question. */
function checkNoMisspeltCommand(word: string): void {
  if (/^[a-z]+$/.test(word) && nearestName(word, commandNames) !== undefined) throw unknownCommand(word);
}

function unknownCommand(word: string) {
  const names = commandNames.join(", ");
  return usageError(
    `There is no command ${JSON.stringify(word)}.${didYouMean(word, commandNames)} There are: ${names}.`,
  );
}

function parseCall(command: CommandName, words: readonly string[]): CommandLine {
  const own = optionsOf(commands[command]);
  const sequence: WrittenOption[] = [];
  const positionals: string[] = [];
  for (const token of tokenise(words)) {
    if (token.kind === "positional") positionals.push(token.value);
    if (token.kind !== "option") continue;
    const { name } = token;
    checkOption(name, token.rawName, command, own);
    sequence.push({ name, text: checkValue(token, own[name]!.placeholder) });
  }
  const written = groupByName(sequence);
  if (written.has("help")) return { kind: "help", command };
  const values = readValues(written, own);
  if (commands[command].takes === "words") return { kind: "call", command, values, words: positionals };
  const question = readPositional(command, positionals);
  return { kind: "call", command, values, words: [], ...(question !== undefined && { question }) };
}

/** The texts of each option; a weight for every preference where one is given, since its place says whose it is. */
function groupByName(sequence: readonly WrittenOption[]): ReadonlyMap<string, readonly string[]> {
  const written = new Map<string, string[]>();
  for (const { name, text } of sequence) written.set(name, [...(written.get(name) ?? []), text]);
  if (written.has("weight")) written.set("weight", alignWeights(sequence));
  return written;
}

/** Node's parser cuts the words apart; what they mean is checked here, where a name can be suggested. */
function tokenise(words: readonly string[]) {
  const config = Object.entries(everyOption).map(([name, { placeholder }]) => [
    name,
    { type: placeholder === undefined ? "boolean" : "string", ...(name === "help" && { short: "h" }) },
  ]);
  return parseArgs({ args: [...words], options: Object.fromEntries(config), strict: false, tokens: true })
    .tokens;
}

function checkOption(name: string, written: string, command: CommandName, own: Options): void {
  if (Object.hasOwn(own, name)) return;
  if (!Object.hasOwn(everyOption, name)) {
    throw usageError(
      `There is no option ${written}.${didYouMean(name, Object.keys(own), "--")} See \`amulet ${command} --help\`.`,
    );
  }
  const owners = commandNames.filter((owner) => Object.hasOwn(optionsOf(commands[owner]), name));
  throw usageError(`\`amulet ${command}\` has no option --${name}; it belongs to ${owners.join(", ")}.`);
}

interface OptionToken {
  readonly name: string;
  readonly value: string | undefined;
  readonly inlineValue: boolean | undefined;
}

function checkValue({ name, value, inlineValue }: OptionToken, placeholder: string | undefined): string {
  if (placeholder === undefined) {
    if (value === undefined) return "";
    throw usageError(`--${name} takes no value; got ${JSON.stringify(value)}.`);
  }
  // `--alpha --beta 3`: the next option is no value, but `--alpha -1` and `--stop "--"` have one.
  const isNextOption =
    !inlineValue && value !== undefined && Object.hasOwn(everyOption, value.replace(/^--|=.*$/g, ""));
  if (value !== undefined && !(isNextOption && value.startsWith("--"))) return value;
  throw usageError(`--${name} needs a value: --${name} ${placeholder}.`);
}

function readValues(written: ReadonlyMap<string, readonly string[]>, own: Options): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const [name, texts] of written) {
    const spec = own[name]!;
    if (texts.length > 1 && !spec.repeatable) throw usageError(`--${name} was given ${texts.length} times.`);
    values[name] = spec.read(texts, name);
  }
  return values;
}

function readPositional(command: CommandName, positionals: readonly string[]): string | undefined {
  const [first, second] = positionals;
  const { takes }: Command = commands[command];
  if (takes === "options only" && first !== undefined) {
    throw usageError(`\`amulet ${command}\` takes options only; got ${JSON.stringify(first)}.`);
  }
  if (second === undefined) return first;
  throw usageError(
    `One question was expected; got ${positionals.length} words or texts. Put the question in quotes: ` +
      `"${positionals.join(" ")}".`,
  );
}
