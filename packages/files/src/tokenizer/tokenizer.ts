import { Tokenizer as LibraryTokenizer } from "@huggingface/tokenizers";
import { FilesError } from "../errors.js";
import { ControlTokens, isControl, toWellFormed } from "./control-tokens.js";
import { disputedSpace, hasGpt2Shape } from "./gpt2-shape.js";
import { readSpelling, type Spelling } from "./piece-bytes.js";
import type { SpecialTokens } from "./special-tokens.js";
import { createStreamDecoder, type StreamDecoder } from "./stream-decoder.js";
import type { TokenizerJson } from "./tokenizer-json.js";

export interface EncodeOptions {
  /** Read control tokens where the text spells them. Default false: all of it is text. */
  readonly parseSpecial?: boolean;
  /** Characters that stand for another one and never take part in a control token; see protect-messages.ts. */
  readonly standIns?: ReadonlyMap<string, string>;
}

/** Text to token ids and back. */
export interface Tokenizer {
  /** One more than the highest id. */
  readonly vocabularySize: number;
  /** Begins every sequence, where the model has such a token. */
  readonly beginToken: number | undefined;
  /** The model wants `beginToken` before every prompt. */
  readonly addsBeginToken: boolean;
  /** Each of them ends an answer. */
  readonly endTokens: readonly number[];
  /** The named special tokens as texts, for templates (`bos_token`, `pad_token`, …). */
  readonly specialTokens: SpecialTokens;
  /** What the user should know about how the files were read, a line each. */
  readonly notes: readonly string[];
  /** The spellings that are control tokens, longest first. */
  readonly controlPieces: readonly string[];
  /** Token ids of a text; no begin or end token is added. Half surrogate pairs are read as U+FFFD. */
  encode(text: string, options?: EncodeOptions): number[];
  /**
   * The text of the tokens, control tokens spelled out. An id without a token is no text: models have logits for
   * more ids than their tokenizers know. Throws `bad-token` for what is no id.
   */
  decode(ids: Iterable<number>): string;
  /** The token as the vocabulary writes it (`Ġthe`, `▁the`), empty for an id without one. Throws `bad-token`. */
  piece(id: number): string;
  /** The id of a piece as the vocabulary writes it. */
  tokenToId(piece: string): number | undefined;
  streamDecoder(): StreamDecoder;
}

/** What a tokenizer.json does not say about its tokens. */
export interface TokenRoles {
  readonly beginToken: number | undefined;
  readonly addsBeginToken: boolean;
  readonly endTokens: readonly number[];
  readonly specialTokens: SpecialTokens;
  readonly notes?: readonly string[];
}

/** Builds a tokenizer from the one form all sources are brought to. Throws `bad-tokenizer`. */
export function createTokenizer(json: TokenizerJson, roles: TokenRoles): Tokenizer {
  return new BpeTokenizer(json, roles);
}

/**
 * Lets a tokenizer whose vocabulary is exactly GPT-2's encode with gpt-tokenizer: the same ids, sooner. Any other
 * stays as it is.
 */
export async function hastenGpt2(tokenizer: Tokenizer): Promise<void> {
  if (tokenizer instanceof BpeTokenizer) await tokenizer.hasten();
}

const NO_BYTES = new Uint8Array(0);

class BpeTokenizer implements Tokenizer {
  readonly vocabularySize: number;
  readonly beginToken: number | undefined;
  readonly addsBeginToken: boolean;
  readonly endTokens: readonly number[];
  readonly specialTokens: SpecialTokens;
  readonly notes: readonly string[];
  readonly #ids: ReadonlyMap<string, number>;
  readonly #pieces: readonly (string | undefined)[];
  readonly #addedIds: ReadonlySet<number>;
  readonly #bytes: (Uint8Array | undefined)[] = [];
  readonly #spelling: Spelling;
  readonly #control: ControlTokens;
  readonly #library: LibraryTokenizer;
  readonly #hasGpt2Shape: boolean;
  #encodeAsGpt2: ((text: string) => number[]) | undefined;

  constructor(json: TokenizerJson, roles: TokenRoles) {
    this.beginToken = roles.beginToken;
    this.addsBeginToken = roles.addsBeginToken && roles.beginToken !== undefined;
    this.endTokens = [...new Set(roles.endTokens)];
    this.specialTokens = roles.specialTokens;
    this.notes = roles.notes ?? [];
    this.#ids = json.vocabulary;
    this.#pieces = piecesById(json.vocabulary);
    this.#addedIds = new Set(json.addedTokens.map((token) => token.id));
    this.vocabularySize = this.#pieces.length;
    this.#spelling = readSpelling(json.decoder);
    this.#control = new ControlTokens(this.#controlPiecesOf(json));
    this.#library = buildLibraryTokenizer(json, this.#control);
    this.#hasGpt2Shape = hasGpt2Shape(json);
  }

  async hasten(): Promise<void> {
    if (!this.#hasGpt2Shape) return;
    const { encodeAsGpt2, hasGpt2Tokens } = await import("./gpt2-encoding.js");
    if (hasGpt2Tokens((id) => this.#bytesOf(id))) this.#encodeAsGpt2 = encodeAsGpt2;
  }

  get controlPieces(): readonly string[] {
    return this.#control.pieces;
  }

  encode(text: string, { parseSpecial = false, standIns }: EncodeOptions = {}): number[] {
    const written = toWellFormed(text);
    if (this.#encodeAsGpt2 && !standIns && !parseSpecial && !disputedSpace.test(written))
      return this.#encodeAsGpt2(written);
    const concealed = parseSpecial ? this.#control.conceal(written) : written;
    const source = standIns ? replaceStandIns(concealed, standIns) : concealed;
    if (source === "") return [];
    const { ids } = this.#library.encode(source, { add_special_tokens: false });
    if (ids.every(Number.isInteger)) return ids;
    throw new FilesError(
      "bad-tokenizer",
      "The vocabulary has no token for a part of the text, and none for the unknown.",
    );
  }

  decode(ids: Iterable<number>): string {
    const decoder = this.streamDecoder();
    let text = "";
    for (const id of ids) text += decoder.push(id);
    return text + decoder.flush();
  }

  piece(id: number): string {
    if (Number.isSafeInteger(id) && id >= 0) return this.#pieces[id] ?? "";
    throw new FilesError("bad-token", `Token ids are whole numbers from 0; got ${id}.`);
  }

  tokenToId(piece: string): number | undefined {
    return this.#ids.get(piece);
  }

  streamDecoder(): StreamDecoder {
    return createStreamDecoder((id) => this.#bytesOf(id), this.#spelling.dropsFirstSpace);
  }

  #bytesOf(id: number): Uint8Array {
    const known = this.#bytes[id];
    if (known) return known;
    const piece = this.piece(id);
    if (piece === "") return NO_BYTES;
    const bytes = this.#spelling.bytesOf(piece, this.#addedIds.has(id));
    this.#bytes[id] = bytes;
    return bytes;
  }

  /** Special tokens and those that begin or end a sequence, whatever the file calls them. */
  *#controlPiecesOf(json: TokenizerJson): Iterable<string> {
    for (const token of json.addedTokens) if (isControl(token)) yield token.content;
    const roleIds = this.beginToken === undefined ? this.endTokens : [this.beginToken, ...this.endTokens];
    for (const id of roleIds) if (this.piece(id) !== "") yield this.piece(id);
  }
}

/** The text with each stand-in replaced by the character it stands for. */
export function replaceStandIns(text: string, standIns: ReadonlyMap<string, string>): string {
  let restored = text;
  for (const [standIn, character] of standIns) restored = restored.replaceAll(standIn, () => character);
  return restored;
}

function piecesById(vocabulary: ReadonlyMap<string, number>): (string | undefined)[] {
  let size = 0;
  for (const id of vocabulary.values()) size = Math.max(size, id + 1);
  const pieces = new Array<string | undefined>(size).fill(undefined);
  for (const [piece, id] of vocabulary) pieces[id] = piece;
  return pieces;
}

/** Control tokens go in under their secret names only, and no merge may spell one out. */
function buildLibraryTokenizer(json: TokenizerJson, control: ControlTokens): LibraryTokenizer {
  const isText = (piece: string) => control.nameOf(piece) === piece;
  const name = (piece: string) => control.nameOf(piece);
  const content = {
    added_tokens: addedTokensFor(json, control),
    normalizer: json.normalizer,
    pre_tokenizer: json.preTokenizer,
    post_processor: null,
    decoder: null,
    model: {
      type: "BPE",
      vocab: Object.fromEntries(Array.from(json.vocabulary, ([piece, id]) => [name(piece), id])),
      merges: json.merges.filter(([left, right]) => isText(left) && isText(right) && isText(left + right)),
      unk_token: json.unknownPiece === null ? null : name(json.unknownPiece),
      fuse_unk: json.fuseUnknown,
      byte_fallback: json.byteFallback,
      ignore_merges: json.ignoreMerges,
    },
  };
  try {
    return new LibraryTokenizer(content, {});
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new FilesError("bad-tokenizer", `The tokenizer can't be built: ${reason}`, { cause });
  }
}

function addedTokensFor(json: TokenizerJson, control: ControlTokens) {
  const added = json.addedTokens.map((token) => {
    const name = control.nameOf(token.content);
    return name === token.content ? token : { ...token, content: name, normalized: false };
  });
  const known = new Set(json.addedTokens.map((token) => token.content));
  const unlisted = control.pieces.filter((piece) => !known.has(piece));
  return [
    ...added,
    ...unlisted.map((piece) => ({
      id: json.vocabulary.get(piece),
      content: control.nameOf(piece),
      special: true,
    })),
  ];
}
