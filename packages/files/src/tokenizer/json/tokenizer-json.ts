import type { FilesError } from "../../errors.js";
import type { Merges } from "../encode/pair-ranks.js";
import { type Steps, sizeOfStep } from "../encode/steps.js";
import {
  badTokenizer,
  expectArray,
  expectId,
  expectRecord,
  expectString,
  isTokenId,
} from "../expect-json.js";

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
  readonly normalizer: unknown;
  readonly preTokenizer: unknown;
  readonly decoder: unknown;
  /** Id of every piece, added tokens included. */
  readonly vocabulary: ReadonlyMap<string, number>;
  /** Id of every piece that merging may reach. */
  readonly textPieces: ReadonlyMap<string, number>;
  readonly merges: Merges;
  /** What stands for a character without a token; where it is null, nothing. */
  readonly unknownPiece: string | null;
  readonly byteFallback: boolean;
  readonly fuseUnknown: boolean;
  /** A word that is a piece is taken whole, whatever the merges say (Llama 3). */
  readonly ignoreMerges: boolean;
}

/** Checks the parsed content of a tokenizer.json (Hugging Face tokenizers' format). Throws `bad-tokenizer`. */
export function* readTokenizerJson(value: unknown): Steps<TokenizerJson> {
  const file = expectRecord(value, "tokenizer.json");
  const model = yield* readModel(file.model);
  const added = expectArray(file.added_tokens ?? [], "added_tokens").map(readAddedToken);
  const addedTokens = numberTokens(added, [], model.textPieces);
  const vocabulary = withAddedTokens(model.textPieces, addedTokens);
  yield;
  checkIds(vocabulary);
  yield;
  return {
    ...model,
    addedTokens,
    vocabulary,
    normalizer: file.normalizer,
    preTokenizer: file.pre_tokenizer,
    decoder: file.decoder,
  };
}

type BpeParts = Omit<TokenizerJson, "addedTokens" | "vocabulary" | "normalizer" | "preTokenizer" | "decoder">;

function* readModel(value: unknown): Steps<BpeParts> {
  const model = expectRecord(value, "model");
  if ((model.type ?? "BPE") !== "BPE") throw badTokenizer("model.type", "BPE", model.type);
  for (const key of ["continuing_subword_prefix", "end_of_word_suffix"])
    if (model[key]) throw badTokenizer(`model.${key}`, "none (no language model here uses it)", model[key]);
  const textPieces = yield* readVocabulary(model.vocab);
  return {
    textPieces,
    merges: yield* readMerges(expectArray(model.merges, "model.merges"), textPieces),
    unknownPiece: readUnknownPiece(model.unk_token),
    byteFallback: model.byte_fallback === true,
    fuseUnknown: model.fuse_unk === true,
    ignoreMerges: model.ignore_merges === true,
  };
}

function* readVocabulary(value: unknown): Steps<ReadonlyMap<string, number>> {
  const pieces = new Map<string, number>();
  for (const [piece, id] of Object.entries(expectRecord(value, "model.vocab"))) {
    pieces.set(piece, isTokenId(id) ? id : expectId(id, `model.vocab[${describePiece(piece)}]`));
    if (pieces.size % sizeOfStep === 0) yield;
  }
  return pieces;
}

/** More than any vocabulary has: Gemma's has 580,604. */
export const mostMerges = 2 ** 20;

/**
 * Merges, each `"a b"` or `["a", "b"]`; both parts and their union must be pieces.
 *
 * @throws FilesError `bad-tokenizer`
 */
export function* readMerges(list: readonly unknown[], pieces: ReadonlyMap<string, number>): Steps<Merges> {
  if (list.length > mostMerges)
    throw badTokenizer("merges", `at most ${mostMerges.toLocaleString("en")} entries`, list.length);
  const merges = {
    left: new Int32Array(list.length),
    right: new Int32Array(list.length),
    merged: new Int32Array(list.length),
  };
  for (const [rank, merge] of list.entries()) {
    const [left, right] = readPair(merge, rank);
    merges.left[rank] = pieceId(left, rank, pieces);
    merges.right[rank] = pieceId(right, rank, pieces);
    merges.merged[rank] = pieceId(left + right, rank, pieces);
    if (rank % sizeOfStep === sizeOfStep - 1) yield;
  }
  return merges;
}

function readPair(merge: unknown, rank: number): readonly [string, string] {
  const [left, right, more] = typeof merge === "string" ? halves(merge) : Array.isArray(merge) ? merge : [];
  if (typeof left === "string" && typeof right === "string" && more === undefined) return [left, right];
  throw badTokenizer(`merges[${rank}]`, "two pieces", merge);
}

/** What lies about its only space. */
function halves(merge: string): readonly string[] {
  const space = merge.indexOf(" ");
  if (space < 0 || space !== merge.lastIndexOf(" ")) return [];
  return [merge.slice(0, space), merge.slice(space + 1)];
}

function pieceId(piece: string, rank: number, pieces: ReadonlyMap<string, number>): number {
  const id = pieces.get(piece);
  if (id !== undefined) return id;
  throw badTokenizer(`merges[${rank}]`, "pieces of the vocabulary", piece);
}

/** Whether the vocabulary has it is asked where a text needs it. */
function readUnknownPiece(value: unknown): string | null {
  return value === null || value === undefined ? null : expectString(value, "model.unk_token");
}

function readAddedToken(value: unknown, index: number): Omit<AddedToken, "id"> {
  const where = `added_tokens[${index}]`;
  const token = expectRecord(value, where);
  const content = expectString(token.content, `${where}.content`);
  const special = token.special === true;
  return {
    content,
    special,
    singleWord: token.single_word === true,
    lstrip: token.lstrip === true,
    rstrip: token.rstrip === true,
    normalized: typeof token.normalized === "boolean" ? token.normalized : !special,
  };
}

/** Every place of a text is compared with it. */
const longestAdded = 1024;

/**
 * Added tokens with the ids that the Rust library gives them: that of the piece where the vocabulary has it, otherwise
 * the next behind vocabulary and added tokens, whatever the file says. An empty text is no token, nor one named twice.
 */
export function numberTokens(
  tokens: readonly Omit<AddedToken, "id">[],
  before: readonly AddedToken[],
  pieces: ReadonlyMap<string, number>,
): AddedToken[] {
  const known = new Set(["", ...before.map(({ content }) => content)]);
  let next = before.reduce((most, { id }) => Math.max(most, id + 1), pieces.size);
  const numbered: AddedToken[] = [];
  for (const token of tokens) {
    if (known.has(token.content)) continue;
    if (token.content.length > longestAdded)
      throw badTokenizer("an added token", `at most ${longestAdded} characters`, token.content.length);
    known.add(token.content);
    const id = pieces.get(token.content) ?? next;
    next = Math.max(next, id + 1);
    numbered.push({ ...token, id });
  }
  return numbered;
}

/** All pieces with their ids, added tokens included. */
export function withAddedTokens(
  pieces: ReadonlyMap<string, number>,
  added: readonly AddedToken[],
): ReadonlyMap<string, number> {
  if (added.every(({ content, id }) => pieces.get(content) === id)) return pieces;
  const all = new Map(pieces);
  for (const { content, id } of added) all.set(content, id);
  return all;
}

/** One piece per id, no gaps beyond the size of the vocabulary itself, no half surrogate pairs. */
function checkIds(vocabulary: ReadonlyMap<string, number>): void {
  if (vocabulary.size === 0) throw badTokenizer("model.vocab", "at least one piece", {});
  const highest = 2 * vocabulary.size + 65_536;
  const pieces: string[] = [];
  for (const [piece, id] of vocabulary) {
    if (id > highest) throw badPiece(piece, `an id below ${highest}`, id);
    if (/\p{Surrogate}/u.test(piece)) throw badPiece(piece, "Unicode text", piece);
    const other = pieces[id];
    if (other !== undefined) throw badPiece(piece, `an id other than that of ${describePiece(other)}`, id);
    pieces[id] = piece;
  }
}

function badPiece(piece: string, expected: string, value: unknown): FilesError {
  return badTokenizer(`the piece ${describePiece(piece)}`, expected, value);
}

function describePiece(piece: string): string {
  return JSON.stringify(piece.slice(0, 40));
}
