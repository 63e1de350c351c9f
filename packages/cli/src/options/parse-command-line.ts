/** From the words after `amulet` to a checked call of a command. */
import { parseArgs } from "node:util";
import { type CommandName, commandNames, isCommandName } from "../commands/names.js";
import { usageError } from "../errors.js";
import { didYouMean, nearestName } from "./suggest.js";
import { isOptionName, type OptionName, type OptionValues, optionSpec, options, optionsOf } from "./table.js";
import { alignWeights, type WrittenOption } from "./weights.js";

export type CommandLine =
  | { readonly kind: "help"; readonly command?: CommandName }
  | { readonly kind: "version" }
  | {
      readonly kind: "call";
      readonly command: CommandName;
      readonly values: OptionValues;
      readonly question?: string;
      readonly words: readonly string[];
    };

/** Commands that take a QUESTION. */
const asking: readonly CommandName[] = ["compare", "generate", "inspect", "score"];

/** Commands that read the words behind their name themselves. */
const reading: readonly CommandName[] = ["models", "lab"];

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
  const sequence: WrittenOption[] = [];
  const positionals: string[] = [];
  for (const token of tokenise(words)) {
    if (token.kind === "positional") positionals.push(token.value);
    if (token.kind !== "option") continue;
    const name = checkOption(token.name, token.rawName, command);
    sequence.push({ name, text: checkValue(name, token) });
  }
  const written = groupByName(sequence);
  if (written.has("help")) return { kind: "help", command };
  const values = readValues(written);
  if (reading.includes(command)) return { kind: "call", command, values, words: positionals };
  const question = readPositional(command, positionals);
  return { kind: "call", command, values, words: [], ...(question !== undefined && { question }) };
}

/** The texts of each option; a weight for every preference where one is given, since its place says whose it is. */
function groupByName(sequence: readonly WrittenOption[]): ReadonlyMap<OptionName, readonly string[]> {
  const written = new Map<OptionName, string[]>();
  for (const { name, text } of sequence) written.set(name, [...(written.get(name) ?? []), text]);
  if (written.has("weight")) written.set("weight", alignWeights(sequence));
  return written;
}

/** Node's parser cuts the words apart; what they mean is checked here, where a name can be suggested. */
function tokenise(words: readonly string[]) {
  const config = Object.entries(options).map(([name, { placeholder }]) => [
    name,
    { type: placeholder === undefined ? "boolean" : "string", ...(name === "help" && { short: "h" }) },
  ]);
  return parseArgs({ args: [...words], options: Object.fromEntries(config), strict: false, tokens: true })
    .tokens;
}

function checkOption(name: string, written: string, command: CommandName): OptionName {
  const known = optionsOf(command);
  const respelt = known.find((option) => optionSpec(option).spelling === name);
  if (respelt !== undefined) return respelt;
  if (!isOptionName(name) || optionSpec(name).spelling !== undefined) {
    throw usageError(
      `There is no option ${written}.${didYouMean(name, known.map(spelled), "--")} See \`amulet ${command} --help\`.`,
    );
  }
  if (known.includes(name)) return name;
  throw usageError(
    `\`amulet ${command}\` has no option --${name}; it belongs to ${optionSpec(name).commands.join(", ")}.`,
  );
}

const spelled = (name: OptionName) => optionSpec(name).spelling ?? name;

function checkValue(
  name: OptionName,
  { value, inlineValue }: { value: string | undefined; inlineValue: boolean | undefined },
): string {
  const { placeholder } = optionSpec(name);
  if (placeholder === undefined) {
    if (value === undefined) return "";
    throw usageError(`--${name} takes no value; got ${JSON.stringify(value)}.`);
  }
  // `--alpha --beta 3`: the next option is no value, but `--alpha -1` and `--stop "--"` have one.
  const isNextOption = !inlineValue && value !== undefined && isOptionName(value.replace(/^--|=.*$/g, ""));
  if (value !== undefined && !(isNextOption && value.startsWith("--"))) return value;
  throw usageError(`--${name} needs a value: --${name} ${placeholder}.`);
}

function readValues(written: ReadonlyMap<OptionName, readonly string[]>): OptionValues {
  const values: Partial<Record<OptionName, unknown>> = {};
  for (const [name, texts] of written) {
    const spec = optionSpec(name);
    if (texts.length > 1 && !spec.repeatable) throw usageError(`--${name} was given ${texts.length} times.`);
    values[name] = spec.read(texts, name);
  }
  return values as OptionValues;
}

function readPositional(command: CommandName, positionals: readonly string[]): string | undefined {
  const [first, second] = positionals;
  if (!asking.includes(command) && first !== undefined) {
    throw usageError(`\`amulet ${command}\` takes options only; got ${JSON.stringify(first)}.`);
  }
  if (second === undefined) return first;
  throw usageError(
    `One question was expected; got ${positionals.length} words or texts. Put the question in quotes: ` +
      `"${positionals.join(" ")}".`,
  );
}
