import { FilesError } from "../../errors.js";
import { finish, type Steps, sizeOfStep } from "../encode/steps.js";
import { badTokenizer, expectId, expectString } from "../expect-json.js";
import { type AddedToken, readMerges, type TokenizerJson } from "../json/tokenizer-json.js";
import { createTokenizer, type Tokenizer, type TokenRoles } from "../tokenizer.js";
import { findPreTokenizer, preTokenizerOf } from "./gguf-pre-tokenizers.js";
import { type GgufPieces, isControlName, readGgufRoles } from "./gguf-roles.js";
import { mergesFromScores } from "./merges-from-scores.js";

/** GGUF's key-value pairs; lists may be arrays or typed arrays. */
export type GgufMetadata = ReadonlyMap<string, unknown>;

/** The numbers of `tokenizer.ggml.token_type`. */
const tokenType = { normal: 1, unknown: 2, control: 3, userDefined: 4, unused: 5, byte: 6 } as const;

/** A tokenizer from GGUF metadata (`tokenizer.ggml.*`), byte-level BPE or SentencePiece. Throws `bad-tokenizer`. */
export function tokenizerFromGguf(metadata: GgufMetadata): Tokenizer {
  return finish(tokenizerFromGgufSteps(metadata));
}

/** The same in steps of about a millisecond, but for building the tokenizer's tables. */
export function* tokenizerFromGgufSteps(metadata: GgufMetadata): Steps<Tokenizer> {
  const model = expectString(read(metadata, "model"), key("model"));
  const vocabulary = yield* readVocabulary(metadata);
  if (model === "gpt2") return yield* byteLevelTokenizer(metadata, vocabulary);
  if (model === "llama") return yield* sentencePieceTokenizer(metadata, vocabulary);
  throw new FilesError(
    "bad-tokenizer",
    `${key("model")} is ${JSON.stringify(model.slice(0, 40))}; known are gpt2 (byte-level BPE) and llama (SentencePiece).`,
  );
}

interface GgufVocabulary extends GgufPieces {
  readonly types: readonly number[];
  readonly addedTokens: readonly AddedToken[];
}

function* byteLevelTokenizer(metadata: GgufMetadata, vocabulary: GgufVocabulary): Steps<Tokenizer> {
  const name = expectString(read(metadata, "pre") ?? "default", key("pre"));
  const kind = findPreTokenizer(name);
  const merges = yield* readMerges(readList(metadata, "merges"), vocabulary.ids);
  const json: TokenizerJson = {
    addedTokens: vocabulary.addedTokens,
    vocabulary: vocabulary.ids,
    textPieces: vocabulary.ids,
    merges,
    normalizer: kind.normalizer ? { type: kind.normalizer } : null,
    preTokenizer: preTokenizerOf(kind),
    decoder: { type: "ByteLevel" },
    unknownPiece: null,
    byteFallback: false,
    fuseUnknown: false,
    ignoreMerges: kind.ignoreMerges ?? false,
  };
  const notes = name === "default" ? [guessedSplit] : [];
  const addsBeginToken = kind.addsBeginToken ?? false;
  return createTokenizer(json, readRoles(metadata, vocabulary, { addsBeginToken, notes }));
}

function* sentencePieceTokenizer(metadata: GgufMetadata, vocabulary: GgufVocabulary): Steps<Tokenizer> {
  const addsSpace = readFlag(metadata, "add_space_prefix") ?? true;
  const unknown = vocabulary.types.indexOf(tokenType.unknown);
  const spaceMark = { type: "Replace", pattern: { String: " " }, content: "▁" };
  const prefix = addsSpace ? [{ type: "Prepend", prepend: "▁" }] : [];
  const strip = addsSpace ? [{ type: "Strip", content: " ", start: 1, stop: 0 }] : [];
  const wordMark = { type: "Replace", pattern: { String: "▁" }, content: " " };
  yield;
  const scores = readScores(metadata, vocabulary);
  yield;
  const merges = yield* mergesFromScores(vocabulary, scores);
  yield;
  const json: TokenizerJson = {
    addedTokens: vocabulary.addedTokens,
    vocabulary: vocabulary.ids,
    textPieces: vocabulary.ids,
    merges,
    normalizer: { type: "Sequence", normalizers: [...prefix, spaceMark] },
    preTokenizer: null,
    decoder: { type: "Sequence", decoders: [wordMark, { type: "ByteFallback" }, { type: "Fuse" }, ...strip] },
    unknownPiece: unknown < 0 ? null : vocabulary.pieces[unknown]!,
    byteFallback: true,
    fuseUnknown: true,
    ignoreMerges: false,
  };
  return createTokenizer(
    json,
    readRoles(metadata, vocabulary, { addsBeginToken: true, defaults: sentencepieceNames }),
  );
}

/** What stands here where the file does not say. */
interface RoleDefaults {
  readonly addsBeginToken: boolean;
  readonly defaults?: Readonly<Record<string, string>>;
  readonly notes?: readonly string[];
}

/** LLaMA's own, whose ids files of this model may leave out. */
const sentencepieceNames = { unknown_token_id: "<unk>", bos_token_id: "<s>", eos_token_id: "</s>" };

const guessedSplit =
  "The file does not say how its text is split into words (tokenizer.ggml.pre), so GPT-2's way is a guess and ids " +
  "may differ from the model's own. Convert the model again with a current llama.cpp.";

function* readVocabulary(metadata: GgufMetadata): Steps<GgufVocabulary> {
  const pieces: string[] = [];
  const ids = new Map<string, number>();
  for (const [id, value] of readList(metadata, "tokens").entries()) {
    // llama.cpp, too, gives a piece without text a name of its own.
    const piece = expectString(value, key("tokens")) || `[EMPTY_${id}]`;
    pieces.push(piece);
    ids.set(piece, id);
    if (pieces.length % sizeOfStep === 0) yield;
  }
  yield;
  const types = metadata.has(key("token_type"))
    ? readList(metadata, "token_type").map((type) => expectId(type, key("token_type")))
    : pieces.map(() => tokenType.normal);
  if (pieces.length === 0) throw badTokenizer(key("tokens"), "at least one piece", pieces);
  if (types.length < pieces.length)
    throw badTokenizer(key("token_type"), `${pieces.length} entries, one per token`, types.length);
  if (ids.size !== pieces.length)
    throw badTokenizer(key("tokens"), "pieces that all differ", firstRepeated(pieces));
  yield;
  const half = pieces.find((piece) => /\p{Surrogate}/u.test(piece));
  if (half !== undefined) throw badTokenizer(key("tokens"), "Unicode text", half);
  yield;
  return { pieces, types, ids, addedTokens: addedTokensOf(pieces, types) };
}

function firstRepeated(pieces: readonly string[]): string | undefined {
  const seen = new Set<string>();
  return pieces.find((piece) => seen.size === seen.add(piece).size);
}

/** A name that means control counts for more than the type: files get the type wrong. */
function addedTokensOf(pieces: readonly string[], types: readonly number[]): AddedToken[] {
  const plain = { singleWord: false, lstrip: false, rstrip: false, normalized: false };
  const added: AddedToken[] = [];
  for (const [id, content] of pieces.entries()) {
    const type = isControlName(content) ? tokenType.control : types[id];
    const special = type === tokenType.control || type === tokenType.unknown;
    if (special || type === tokenType.userDefined) added.push({ id, content, special, ...plain });
  }
  return added;
}

/** The score of each piece; NaN for those that merging may not reach. */
function readScores(metadata: GgufMetadata, { pieces, types }: GgufVocabulary): Float64Array {
  const list = readList(metadata, "scores");
  const scores = new Float64Array(list.length).map((_, id) => Number(list[id]));
  if (scores.length < pieces.length || scores.some(Number.isNaN))
    throw badTokenizer(key("scores"), `${pieces.length} numbers, one per token`, `${scores.length} entries`);
  const isReached = (type?: number) => type === tokenType.normal || type === tokenType.userDefined;
  return scores.map((score, id) => (isReached(types[id]) ? score : Number.NaN));
}

function readRoles(
  metadata: GgufMetadata,
  vocabulary: GgufVocabulary,
  { addsBeginToken, defaults = {}, notes = [] }: RoleDefaults,
): TokenRoles {
  const roles = readGgufRoles(vocabulary, (name) => read(metadata, name), defaults);
  return {
    ...roles,
    addsBeginToken: readFlag(metadata, "add_bos_token") ?? addsBeginToken,
    notes: [...notes, ...roles.notes],
  };
}

function readFlag(metadata: GgufMetadata, name: string): boolean | undefined {
  const value = read(metadata, name);
  if (value === undefined || typeof value === "boolean") return value;
  throw badTokenizer(key(name), "true or false", value);
}

function readList(metadata: GgufMetadata, name: string): readonly unknown[] {
  const value = read(metadata, name);
  if (Array.isArray(value)) return value;
  if (ArrayBuffer.isView(value) && Symbol.iterator in value)
    return [...(value as Iterable<unknown> & object)];
  throw badTokenizer(key(name), "a list", value);
}

function read(metadata: GgufMetadata, name: string): unknown {
  return metadata.get(key(name));
}

function key(name: string): string {
  return `tokenizer.ggml.${name}`;
}
