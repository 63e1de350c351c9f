import { describe } from "../expect-json.js";
import { type SpecialTokens, specialTokensAt } from "../special-tokens.js";

/** Which tokens of a GGUF file begin a sequence and end an answer, and what was passed over. */
export interface GgufRoles {
  readonly beginToken: number | undefined;
  readonly endTokens: readonly number[];
  readonly specialTokens: SpecialTokens;
  readonly notes: readonly string[];
}

/**
 * The pieces at which llama.cpp ends generation, whatever id and type a file gives them: files that name only the
 * end of a text leave the end of a turn to this list.
 */
const endNames: ReadonlySet<string> = new Set([
  ...["<|eot_id|>", "<|im_end|>", "<|end|>", "<|return|>", "<|call|>", "<|flush|>", "<|calls|>"],
  ...["<end_of_turn>", "<|endoftext|>", "</s>", "<|eom_id|>", "<EOT>", "_<EOT>", "[EOT]", "[EOS]"],
  ...["<|end_of_text|>", "<end_of_utterance>", "<eos>", "<turn|>", "<|tool_response>"],
]);

/** Padding, repository and file marks of code models, where no key names them; they end an answer too. */
const fillEndNames = {
  fim_pad_token_id: ["<|fim_pad|>", "<fim-pad>", "<fim_pad>", "<PAD>", "[PAD]"],
  fim_rep_token_id: ["<|fim_repo|>", "<|repo_name|>", "<fim-repo>", "<REPO>", "<reponame>"],
  fim_sep_token_id: ["<|file_sep|>"],
} as const;

/** What a file marks the place to fill in with. */
const fillNames = [
  ...["<|fim_prefix|>", "<fim-prefix>", "<fim_prefix>", "<PRE>", "<|code_prefix|>", "<|prefix|>"],
  ...["<|fim_suffix|>", "<fim-suffix>", "<fim_suffix>", "<SUF>", "<|code_suffix|>", "<|suffix|>"],
  ...["<|fim_middle|>", "<fim-middle>", "<fim_middle>", "<MID>", "<|code_middle|>", "<|middle|>"],
];

const controlNames: ReadonlySet<string> = new Set([
  ...endNames,
  ...Object.values(fillEndNames).flat(),
  ...fillNames,
]);

/** Whether llama.cpp takes a piece for a control token by its name alone. */
export function isControlName(piece: string): boolean {
  return controlNames.has(piece);
}

/** All pieces, and the id of each. */
export interface GgufPieces {
  readonly pieces: readonly string[];
  readonly ids: ReadonlyMap<string, number>;
}

/**
 * Reads the roles by keys and names. A key whose value is no id of the file counts as absent, with a note.
 *
 * @param read the value of a key of the metadata, without `tokenizer.ggml.`
 * @param defaults pieces by the keys that would name them, where the file does not
 */
export function readGgufRoles(
  { pieces, ids }: GgufPieces,
  read: (key: string) => unknown,
  defaults: Readonly<Record<string, string>> = {},
): GgufRoles {
  const notes: string[] = [];
  const idAt = (key: string): number | undefined => {
    const value = read(key);
    const id = typeof value === "bigint" ? Number(value) : value;
    if (typeof id === "number" && pieces[id] !== undefined) return id;
    if (value !== undefined) notes.push(badId(key, value, pieces.length));
    return ids.get(defaults[key] ?? "");
  };
  const specialTokens = specialTokensAt((key) => pieces[idAt(key) ?? -1]);
  return {
    beginToken: idAt("bos_token_id"),
    endTokens: endTokensOf({ pieces, ids }, idAt),
    specialTokens,
    notes: [...new Set(notes)],
  };
}

function badId(key: string, value: unknown, size: number): string {
  return (
    `tokenizer.ggml.${key} is ${describe(value)}, which is no id of this file (0 to ${size - 1}): ` +
    "passed over. Convert the model again if it does not stop or start as it should."
  );
}

function endTokensOf({ pieces, ids }: GgufPieces, idAt: (key: string) => number | undefined): number[] {
  const byName = (names: Iterable<string>) =>
    [...names].flatMap((name) => ids.get(name) ?? []).sort((one, other) => one - other);
  const filled = Object.entries(fillEndNames).flatMap(([key, names]) => {
    const id = idAt(key);
    return id === undefined ? byName(names) : [id];
  });
  const byKey = ["eos_token_id", "eot_token_id", "eom_token_id"].flatMap((key) => idAt(key) ?? []);
  const all = new Set([...byKey, ...byName(endNames), ...filled]);
  return withoutMidTurn([...all], pieces);
}

/** Where a vocabulary has tokens that end a whole turn or a tool call, these two end only a part of it. */
function withoutMidTurn(ids: readonly number[], pieces: readonly string[]): number[] {
  const has = (name: string) => ids.some((id) => pieces[id] === name);
  const calls = has("<|call|>") || has("<|calls|>");
  const dropped = new Set<string | undefined>();
  if (calls && (has("<|return|>") || has("<|flush|>"))) dropped.add("<|end|>");
  if (has("<|tool_response>")) dropped.add("</s>");
  return ids.filter((id) => !dropped.has(pieces[id]));
}
