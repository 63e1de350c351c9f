import { FilesError } from "../errors.js";
import { isControl, toWellFormed } from "./control-tokens.js";
import { readSpelling, type Spelling } from "./decode/piece-bytes.js";
import { createStreamDecoder, type StreamDecoder } from "./decode/stream-decoder.js";
import { type EncodeOptions, Encoder } from "./encode/encoder.js";
import { finish, type Steps } from "./encode/steps.js";
import type { AddedToken, TokenizerJson } from "./json/tokenizer-json.js";
import type { SpecialTokens } from "./special-tokens.js";

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
  /** Token ids of a text; no begin or end token is added. Half surrogate pairs are read as U+FFFD. Throws `bad-tokenizer`. */
  encode(text: string, options?: EncodeOptions): number[];
  /** The same in steps of about a millisecond, for whoever has other things to do in between. */
  encodeSteps(text: string, options?: EncodeOptions): Steps<number[]>;
  /**
   * The text of the tokens, control tokens spelled out. An id without a token is no text: models have logits for
   * more ids than their tokenizers know. Throws `bad-token` for what is no id.
   */
  decode(ids: Iterable<number>): string;
  /** The token as the vocabulary writes it (`Ġthe`, `▁the`), empty for an id without one. Throws `bad-token`. */
  piece(id: number): string;
  /**
   * What the token adds to a text that has begun: UTF-8 of which one token may have a part of a character. Empty for an id
   * without a token. Throws `bad-token`.
   */
  bytes(id: number): Uint8Array;
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

class BpeTokenizer implements Tokenizer {
  readonly vocabularySize: number;
  readonly beginToken: number | undefined;
  readonly addsBeginToken: boolean;
  readonly endTokens: readonly number[];
  readonly specialTokens: SpecialTokens;
  readonly notes: readonly string[];
  readonly controlPieces: readonly string[];
  private readonly ids: ReadonlyMap<string, number>;
  private readonly pieces: readonly (string | undefined)[];
  private readonly addedIds: ReadonlySet<number>;
  private readonly knownBytes: (Uint8Array | undefined)[] = [];
  private readonly spelling: Spelling;
  private readonly encoder: Encoder;

  constructor(json: TokenizerJson, roles: TokenRoles) {
    this.beginToken = roles.beginToken;
    this.addsBeginToken = roles.addsBeginToken && roles.beginToken !== undefined;
    this.endTokens = [...new Set(roles.endTokens)];
    this.specialTokens = roles.specialTokens;
    this.notes = roles.notes ?? [];
    this.ids = json.vocabulary;
    this.pieces = piecesById(json.vocabulary);
    this.addedIds = new Set(json.addedTokens.map((token) => token.id));
    this.vocabularySize = this.pieces.length;
    this.spelling = readSpelling(json.decoder);
    const control = this.controlTokens(json);
    this.controlPieces = control.map(({ content }) => content).sort((a, b) => b.length - a.length);
    this.encoder = new Encoder(json, control);
  }

  encode(text: string, options: EncodeOptions = {}): number[] {
    return finish(this.encodeSteps(text, options));
  }

  encodeSteps(text: string, options: EncodeOptions = {}): Steps<number[]> {
    return this.encoder.encode(toWellFormed(text), options);
  }

  decode(ids: Iterable<number>): string {
    const decoder = this.streamDecoder();
    let text = "";
    for (const id of ids) text += decoder.push(id);
    return text + decoder.flush();
  }

  piece(id: number): string {
    if (Number.isSafeInteger(id) && id >= 0) return this.pieces[id] ?? "";
    throw new FilesError("bad-token", `Token ids are whole numbers from 0; got ${id}.`);
  }

  bytes(id: number): Uint8Array {
    return this.bytesOf(id, false)?.slice() ?? new Uint8Array();
  }

  tokenToId(piece: string): number | undefined {
    return this.ids.get(piece);
  }

  streamDecoder(): StreamDecoder {
    return createStreamDecoder((id, isFirst) => this.bytesOf(id, isFirst), this.spelling);
  }

  private bytesOf(id: number, isFirst: boolean): Uint8Array | undefined {
    const { bytesOf, firstBytesOf } = this.spelling;
    if (isFirst && firstBytesOf && this.piece(id) !== "") return firstBytesOf(this.piece(id));
    const known = this.knownBytes[id];
    if (known) return known;
    const piece = this.piece(id);
    if (piece === "") return undefined;
    const bytes = bytesOf(piece, this.addedIds.has(id));
    this.knownBytes[id] = bytes;
    return bytes;
  }

  /** Special tokens and those that begin or end a sequence, whatever the file calls them. */
  private controlTokens(json: TokenizerJson): AddedToken[] {
    const special = json.addedTokens.filter(isControl);
    const known = new Set(special.map(({ id }) => id));
    const roleIds = this.beginToken === undefined ? this.endTokens : [this.beginToken, ...this.endTokens];
    const unlisted = roleIds.filter((id) => !known.has(id) && this.piece(id) !== "");
    return [...special, ...unlisted.map((id) => ({ ...plain, id, content: this.piece(id) }))];
  }
}

const plain = { special: true, singleWord: false, lstrip: false, rstrip: false, normalized: false };

function piecesById(vocabulary: ReadonlyMap<string, number>): (string | undefined)[] {
  let size = 0;
  for (const id of vocabulary.values()) size = Math.max(size, id + 1);
  const pieces = new Array<string | undefined>(size).fill(undefined);
  for (const [piece, id] of vocabulary) pieces[id] = piece;
  return pieces;
}
