import { readNormalizer, readPreTokenizer } from "./components.js";
import {
  badTokenizer,
  expectArray,
  expectId,
  expectRecord,
  expectString,
  type JsonRecord,
} from "./expect-json.js";

/** A token that is cut out of the text before BPE sees it. `special`: it steers the model, it is no text. */
export interface AddedToken {
  readonly id: number;
  readonly content: string;
  readonly special: boolean;
  /** Only between characters that belong to no word. */
  readonly singleWord: boolean;
  readonly lstrip: boolean;
  readonly rstrip: boolean;
  readonly normalized: boolean;
}

/** What all sources are brought to: the checked content of a tokenizer.json whose model is BPE. */
export interface TokenizerJson {
  readonly addedTokens: readonly AddedToken[];
  readonly normalizer: JsonRecord | null;
  readonly preTokenizer: JsonRecord | null;
  readonly decoder: unknown;
  /** Id of every piece, added tokens included. */
  readonly vocabulary: ReadonlyMap<string, number>;
  /** Pairs of pieces, the first to be merged first. */
  readonly merges: readonly (readonly [string, string])[];
  readonly unknownPiece: string | null;
  readonly byteFallback: boolean;
  readonly fuseUnknown: boolean;
  /** A word that is a piece is taken whole, whatever the merges say (Llama 3). */
  readonly ignoreMerges: boolean;
}

/** Checks the parsed content of a tokenizer.json (Hugging Face tokenizers' format). Throws `bad-tokenizer`. */
export function readTokenizerJson(value: unknown): TokenizerJson {
  const file = expectRecord(value, "tokenizer.json");
  const model = readModel(file.model);
  const addedTokens = expectArray(file.added_tokens ?? [], "added_tokens").map(readAddedToken);
  const vocabulary = withAddedTokens(model.vocabulary, addedTokens);
  checkIds(vocabulary);
  return {
    ...model,
    addedTokens,
    vocabulary,
    normalizer: readNormalizer(file.normalizer),
    preTokenizer: readPreTokenizer(file.pre_tokenizer),
    decoder: file.decoder,
  };
}

type BpeModel = Omit<TokenizerJson, "addedTokens" | "normalizer" | "preTokenizer" | "decoder">;

function readModel(value: unknown): BpeModel {
  const model = expectRecord(value, "model");
  if ((model.type ?? "BPE") !== "BPE") throw badTokenizer("model.type", "BPE", model.type);
  for (const key of ["continuing_subword_prefix", "end_of_word_suffix"])
    if (model[key]) throw badTokenizer(`model.${key}`, "none (no language model here uses it)", model[key]);
  const vocabulary = readVocabulary(model.vocab);
  return {
    vocabulary,
    merges: readMerges(model.merges, vocabulary),
    unknownPiece: readUnknownPiece(model.unk_token, vocabulary),
    byteFallback: model.byte_fallback === true,
    fuseUnknown: model.fuse_unk === true,
    ignoreMerges: model.ignore_merges === true,
  };
}

function readVocabulary(value: unknown): ReadonlyMap<string, number> {
  const entries = Object.entries(expectRecord(value, "model.vocab"));
  return new Map(
    entries.map(([piece, id]) => [piece, expectId(id, `model.vocab[${JSON.stringify(piece)}]`)]),
  );
}

function readMerges(value: unknown, vocabulary: ReadonlyMap<string, number>) {
  return expectArray(value, "model.merges").map((merge, rank) => readMerge(merge, rank, vocabulary));
}

/** One merge, `"a b"` or `["a", "b"]`; both parts and their union must be pieces. */
export function readMerge(
  merge: unknown,
  rank: number,
  vocabulary: ReadonlyMap<string, number>,
): readonly [string, string] {
  const parts = typeof merge === "string" ? merge.split(" ") : merge;
  if (!Array.isArray(parts) || parts.length !== 2) throw badTokenizer(`merges[${rank}]`, "two pieces", merge);
  const left = expectString(parts[0], `merges[${rank}]`);
  const right = expectString(parts[1], `merges[${rank}]`);
  for (const piece of [left, right, left + right])
    if (!vocabulary.has(piece)) throw badTokenizer(`merges[${rank}]`, "pieces of the vocabulary", piece);
  return [left, right];
}

function readUnknownPiece(value: unknown, vocabulary: ReadonlyMap<string, number>): string | null {
  if (value === null || value === undefined) return null;
  const piece = expectString(value, "model.unk_token");
  if (vocabulary.has(piece)) return piece;
  throw badTokenizer("model.unk_token", "a piece of the vocabulary", piece);
}

function readAddedToken(value: unknown, index: number): AddedToken {
  const where = `added_tokens[${index}]`;
  const token = expectRecord(value, where);
  const content = expectString(token.content, `${where}.content`);
  if (content === "") throw badTokenizer(`${where}.content`, "a text that is not empty", content);
  const special = token.special === true;
  return {
    id: expectId(token.id, `${where}.id`),
    content,
    special,
    singleWord: token.single_word === true,
    lstrip: token.lstrip === true,
    rstrip: token.rstrip === true,
    normalized: typeof token.normalized === "boolean" ? token.normalized : !special,
  };
}

function withAddedTokens(vocabulary: ReadonlyMap<string, number>, added: readonly AddedToken[]) {
  const all = new Map(vocabulary);
  for (const { content, id } of added) {
    const known = all.get(content) ?? id;
    if (known !== id) throw badTokenizer(`added_tokens: ${describePiece(content)}`, `id ${known}`, id);
    all.set(content, id);
  }
  return all;
}

/** One piece per id, no gaps beyond the size of the vocabulary itself, no half surrogate pairs. */
function checkIds(vocabulary: ReadonlyMap<string, number>): void {
  if (vocabulary.size === 0) throw badTokenizer("model.vocab", "at least one piece", {});
  const highest = 2 * vocabulary.size + 65_536;
  const pieces = new Map<number, string>();
  for (const [piece, id] of vocabulary) {
    const where = `the piece ${describePiece(piece)}`;
    if (id > highest) throw badTokenizer(where, `an id below ${highest}`, id);
    if (/\p{Surrogate}/u.test(piece)) throw badTokenizer(where, "Unicode text", piece);
    if (pieces.has(id))
      throw badTokenizer(where, `an id other than that of ${describePiece(pieces.get(id)!)}`, id);
    pieces.set(id, piece);
  }
}

function describePiece(piece: string): string {
  return JSON.stringify(piece.slice(0, 40));
}
