/** Every command, in the order of the help. Here its code is not loaded yet. */
import type { Command } from "../command.js";
import { compare } from "./compare/command.js";
import { doctor } from "./doctor/command.js";
import { evaluation } from "./eval/command.js";
import { explore } from "./explore/command.js";
import { generate } from "./generate/command.js";
import { inspect } from "./inspect/command.js";
import { lab } from "./lab/command.js";
import { logits } from "./logits/command.js";
import { models } from "./models/command.js";
import { policy } from "./policy/command.js";
import { score } from "./score/command.js";
import { serve } from "./serve/command.js";
import { strength } from "./strength/command.js";
import { tokenize } from "./tokenize/command.js";
import { verify } from "./verify/command.js";

export const commands = {
  compare,
  generate,
  serve,
  inspect,
  score,
  policy,
  strength,
  tokenize,
  logits,
  models,
  doctor,
  lab,
  eval: evaluation,
  verify,
  explore,
} as const satisfies Record<string, Command>;

export type CommandName = keyof typeof commands;

export const commandNames = Object.keys(commands) as readonly CommandName[];

export function isCommandName(word: string | undefined): word is CommandName {
  return word !== undefined && Object.hasOwn(commands, word);
}
