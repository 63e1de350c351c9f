/** Every command, in the order of the help. */
export const commandNames = [
  "compare",
  "generate",
  "inspect",
  "score",
  "policy",
  "strength",
  "tokenize",
  "logits",
  "models",
  "doctor",
  "lab",
  "verify",
] as const;

export type CommandName = (typeof commandNames)[number];

export function isCommandName(word: string | undefined): word is CommandName {
  return commandNames.some((name) => name === word);
}
