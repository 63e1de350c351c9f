import type { AddedToken } from "./tokenizer-json.js";

/** Texts that end turns or mark roles in the wild, also where a file forgets to call them special. */
const LOOKS_LIKE_CONTROL = /^(?:<\|[^<>]+\|>|<｜[^<>]+｜>|<(?:start|end)_of_turn>|<\/?s>|\[\/?INST\])$/;

export function isControl(token: AddedToken): boolean {
  return token.special || LOOKS_LIKE_CONTROL.test(token.content);
}

/**
 * The tokens that steer the model, kept apart from text that merely spells them. The library below knows each
 * only by a secret name made of two low surrogates, which no well-formed text can contain; so it reads one
 * exactly where `conceal` put its name.
 */
export class ControlTokens {
  readonly pieces: readonly string[];
  readonly #names: ReadonlyMap<string, string>;
  readonly #anyPiece: RegExp | undefined;

  constructor(pieces: Iterable<string>) {
    this.pieces = [...new Set(pieces)].sort((a, b) => b.length - a.length);
    this.#names = new Map(this.pieces.map((piece, index) => [piece, secretName(index)]));
    // Longest first: an alternation takes its first match.
    const source = this.pieces.map((piece) => piece.replace(/[.*+?^${}()|[\]\\/-]/g, "\\$&")).join("|");
    this.#anyPiece = source === "" ? undefined : new RegExp(source, "g");
  }

  /** What the library calls this piece: its secret name, or the piece itself where it is no control token. */
  nameOf(piece: string): string {
    return this.#names.get(piece) ?? piece;
  }

  /** The text with every control token in it under its secret name. */
  conceal(text: string): string {
    return this.#anyPiece ? text.replace(this.#anyPiece, (piece) => this.nameOf(piece)) : text;
  }
}

function secretName(index: number): string {
  return String.fromCharCode(0xdc00 + (index >> 10), 0xdc00 + (index & 1023));
}

/** The text with every half surrogate pair replaced by U+FFFD, as UTF-8 would. */
export function toWellFormed(text: string): string {
  return text.replace(/\p{Surrogate}/gu, "\ufffd");
}
