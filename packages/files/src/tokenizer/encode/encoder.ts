import { FilesError } from "../../errors.js";
import { isJsonObject } from "../../places/read-json.js";
import { describe } from "../expect-json.js";
import { isKnownSplit } from "../gguf/gguf-pre-tokenizers.js";
import type { AddedToken, TokenizerJson } from "../json/tokenizer-json.js";
import { buildNormalizer, type Normalizer } from "../words/normalizers.js";
import { buildPreTokenizer, type PreTokenizer } from "../words/pre-tokenizers.js";
import { withinTime } from "../words/time-limit.js";
import { AddedTokenFinder, type Section } from "./added-tokens.js";
import { Bpe } from "./bpe.js";
import type { Merges } from "./pair-ranks.js";
import { type Steps, sizeOfStep } from "./steps.js";

export interface EncodeOptions {
  /** Read control tokens where the text spells them. Default false: all of it is text. */
  readonly parseSpecial?: boolean;
  /** Characters that stand for another one and never take part in a control token; see protect-messages.ts. */
  readonly standIns?: ReadonlyMap<string, string>;
}

/**
 * From text to ids, as the Rust library goes: added tokens are taken out, the rest is normalized, the added tokens
 * that wait for that are taken out, and what remains is cut into words and merged. Control tokens are found where
 * they are asked for and never otherwise: no merge spells one out.
 */
export class Encoder {
  private readonly normalize: Normalizer | undefined;
  private readonly preTokenize: PreTokenizer | undefined;
  private readonly bpe: Bpe;
  private readonly control: AddedTokenFinder;
  private readonly plain: AddedTokenFinder;
  private readonly both: AddedTokenFinder;
  private readonly normalized: AddedTokenFinder;
  /** What of the checkpoint's own may take for ever. */
  private readonly suspect: string | undefined;

  /** @throws FilesError `bad-tokenizer` */
  constructor(json: TokenizerJson, control: readonly AddedToken[]) {
    this.normalize = buildNormalizer(json.normalizer);
    this.preTokenize = buildPreTokenizer(json.preTokenizer);
    this.suspect = findSuspect([json.normalizer, json.preTokenizer]);
    const controlPieces = new Set(control.map(({ content }) => content));
    this.bpe = buildBpe(json, controlPieces);
    const others = json.addedTokens.filter(({ content }) => !controlPieces.has(content));
    const plain = others.filter(({ normalized }) => !normalized);
    this.control = findAsWritten(control);
    this.plain = findAsWritten(plain);
    this.both = findAsWritten([...control, ...plain]);
    const late = others.filter(({ normalized }) => normalized);
    this.normalized = new AddedTokenFinder(
      late.map((token) => [this.normalize?.(token.content) ?? token.content, token]),
    );
  }

  /**
   * A step is about {@link sizeOfStep} characters. What goes over a whole text in one is its normalizer and the search for added
   * tokens, a hundredth of the work; and the words of a pattern that may take for ever, which are found within a bound of time.
   *
   * @throws FilesError `bad-tokenizer` where the vocabulary lacks a token, or a bound is passed
   */
  *encode(text: string, { parseSpecial = false, standIns }: EncodeOptions): Steps<number[]> {
    const ids: number[] = [];
    for (const section of this.sections(text, parseSpecial, standIns)) {
      if ("id" in section) ids.push(section.id);
      else yield* this.encodeText(section.text, section.start === 0, ids);
    }
    return ids;
  }

  private *sections(
    text: string,
    parseSpecial: boolean,
    standIns: ReadonlyMap<string, string> | undefined,
  ): Iterable<Section> {
    if (!standIns) return yield* (parseSpecial ? this.both : this.plain).split(text);
    for (const section of parseSpecial ? this.control.split(text) : [{ text, start: 0 }]) {
      if ("id" in section) yield section;
      else
        for (const part of this.plain.split(replaceStandIns(section.text, standIns)))
          yield { ...part, start: section.start + part.start };
    }
  }

  private *encodeText(text: string, isFirst: boolean, ids: number[]): Steps<void> {
    let size = 0;
    for (const part of this.cut(text, isFirst)) {
      if (typeof part === "number") ids.push(part);
      else {
        const own = part.length < sizeOfStep ? this.bpe.encode(part) : yield* this.bpe.encodeSteps(part);
        for (const id of own) ids.push(id);
      }
      size += typeof part === "number" ? 1 : part.length;
      if (size < sizeOfStep) continue;
      size = 0;
      yield;
    }
  }

  /** The words of a text and the added tokens between them. */
  private cut(text: string, isFirst: boolean): Iterable<string | number> {
    const words = this.words(text, isFirst);
    if (this.suspect === undefined) return words;
    return withinTime(
      () => [...words],
      `tokenizer.json: cutting ${text.length} characters by ${this.suspect}`,
    );
  }

  private *words(text: string, isFirst: boolean): Iterable<string | number> {
    try {
      for (const section of this.normalized.split(this.normalize?.(text) ?? text)) {
        if ("id" in section) yield section.id;
        else if (!this.preTokenize) yield section.text;
        else yield* this.preTokenize(section.text, isFirst && section.start === 0);
      }
    } catch (cause) {
      if (cause instanceof FilesError) throw cause;
      const message = `tokenizer.json can't cut a text of ${text.length} characters: ${(cause as Error).message}.`;
      throw new FilesError("bad-tokenizer", message, { cause });
    }
  }
}

/** The first pattern that is not a published one, or more components than any tokenizer has. */
function findSuspect(components: unknown): string | undefined {
  const found = { patterns: new Set<string>(), count: 0 };
  count(components, found);
  const foreign = [...found.patterns].find((pattern) => !isKnownSplit(pattern));
  if (foreign !== undefined) return `the pattern ${describe(foreign)}`;
  return found.count > usualComponents ? `${found.count} components` : undefined;
}

const usualComponents = 16;

function count(value: unknown, found: { readonly patterns: Set<string>; count: number }): void {
  if (Array.isArray(value)) for (const item of value) count(item, found);
  if (!isJsonObject(value)) return;
  if (typeof value.type === "string") found.count++;
  if (typeof value.Regex === "string") found.patterns.add(value.Regex);
  for (const item of Object.values(value)) count(item, found);
}

/** The text with each stand-in replaced by the character it stands for. */
export function replaceStandIns(text: string, standIns: ReadonlyMap<string, string>): string {
  let restored = text;
  for (const [standIn, character] of standIns) restored = restored.replaceAll(standIn, () => character);
  return restored;
}

function findAsWritten(tokens: readonly AddedToken[]): AddedTokenFinder {
  return new AddedTokenFinder(tokens.map((token) => [token.content, token]));
}

function buildBpe(json: TokenizerJson, controlPieces: ReadonlySet<string>): Bpe {
  const { textPieces, unknownPiece, merges } = json;
  const controlIds = new Set([...controlPieces].map((piece) => json.vocabulary.get(piece)!));
  return new Bpe({
    ...json,
    idOf: (piece) => (controlPieces.has(piece) ? undefined : textPieces.get(piece)),
    merges: mergesWithout(controlIds, merges),
    unknownId: unknownPiece === null ? null : textPieces.get(unknownPiece),
  });
}

function mergesWithout(ids: ReadonlySet<number>, merges: Merges): Merges {
  const lists = [merges.left, merges.right, merges.merged];
  const isControl = new Uint8Array([...ids].reduce((most, id) => Math.max(most, id), 0) + 1);
  for (const id of ids) isControl[id] = 1;
  if (!lists.some((list) => list.some((id) => isControl[id] === 1))) return merges;
  const isText = (_: number, rank: number) => !lists.some((list) => isControl[list[rank]!] === 1);
  return {
    left: merges.left.filter(isText),
    right: merges.right.filter(isText),
    merged: merges.merged.filter(isText),
  };
}
