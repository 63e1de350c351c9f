import { badTokenizer } from "../expect-json.js";
import type { AddedToken } from "../json/tokenizer-json.js";

/** A stretch of text, or a token that was found in it. */
export type Section =
  | { readonly text: string; readonly start: number }
  | { readonly id: number; readonly start: number };

interface Node {
  children?: Map<string, Node>;
  token?: AddedToken;
}

/** Characters that differ, of all tokens; those of a vocabulary with thousands of codes for images or speech have a tenth. */
const mostNodes = 2 ** 20;

/** Finds added tokens in a text: the first, and of those the longest, as the Rust library does. */
export class AddedTokenFinder {
  private readonly root: Node = {};
  /** Whatever a token begins with: a text may be long, and looked at character by character takes its time. */
  private readonly firsts: RegExp | undefined;
  private nodes = 0;

  /**
   * @param tokens each with the text that it is found by, which a normalizer may have changed
   * @throws FilesError `bad-tokenizer` where they are more than any vocabulary has
   */
  constructor(tokens: Iterable<readonly [text: string, token: AddedToken]>) {
    for (const [text, token] of tokens) if (text !== "") this.add(text, token);
    if (this.root.children) this.firsts = anyOf([...this.root.children.keys()]);
  }

  private add(text: string, token: AddedToken): void {
    let node: Node = this.root;
    for (let i = 0; i < text.length; i++) {
      node.children ??= new Map();
      const next: Node = node.children.get(text[i]!) ?? this.newNode();
      node.children.set(text[i]!, next);
      node = next;
    }
    node.token = token;
  }

  private newNode(): Node {
    if (++this.nodes <= mostNodes) return {};
    throw badTokenizer("added_tokens", `at most ${mostNodes.toLocaleString("en")} characters in all`, "more");
  }

  /** The text with its tokens taken out, in order; no section is empty. */
  split(text: string): Section[] {
    const sections: Section[] = [];
    let end = 0;
    for (const { start: found, length, token } of this.find(text)) {
      if (token.singleWord && !standsAlone(text, found, found + length)) continue;
      const start = token.lstrip ? Math.max(end, spaceBefore(text, found)) : found;
      const stop = token.rstrip ? spaceAfter(text, found + length) : found + length;
      if (start > end) sections.push({ text: text.slice(end, start), start: end });
      // White space that is a token itself may be gone to the one before.
      if (start < stop) sections.push({ id: token.id, start });
      end = stop;
    }
    if (end < text.length) sections.push({ text: text.slice(end), start: end });
    return sections;
  }

  private *find(text: string): Iterable<{ start: number; length: number; token: AddedToken }> {
    for (let start = this.nextFirst(text, 0); start < text.length; ) {
      const found = this.longestAt(text, start);
      if (found) yield { start, ...found };
      start = this.nextFirst(text, start + (found?.length ?? 1));
    }
  }

  /** The next place where a token could begin, or the end. */
  private nextFirst(text: string, from: number): number {
    if (!this.firsts) return text.length;
    this.firsts.lastIndex = from;
    return this.firsts.exec(text)?.index ?? text.length;
  }

  private longestAt(text: string, start: number): { length: number; token: AddedToken } | undefined {
    let node: Node | undefined = this.root;
    let found: { length: number; token: AddedToken } | undefined;
    for (let at = start; node; ) {
      if (node.token) found = { length: at - start, token: node.token };
      node = at < text.length ? node.children?.get(text[at++]!) : undefined;
    }
    return found;
  }
}

/** One of these code units. */
function anyOf(units: readonly string[]): RegExp {
  const escaped = units.map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
  return new RegExp(`[${escaped.join("")}]`, "g");
}

const word = "[\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\p{Join_Control}]";
const endsInWord = new RegExp(`${word}$`, "u");
const beginsWithWord = new RegExp(`^${word}`, "u");

/** No letter or digit touches it. A character has at most two code units. */
function standsAlone(text: string, start: number, stop: number): boolean {
  const before = text.slice(Math.max(0, start - 2), start);
  return !endsInWord.test(before) && !beginsWithWord.test(text.slice(stop, stop + 2));
}

const space = /\p{White_Space}/u;

function spaceBefore(text: string, end: number): number {
  let start = end;
  while (start > 0 && space.test(text[start - 1]!)) start--;
  return start;
}

function spaceAfter(text: string, start: number): number {
  let end = start;
  while (end < text.length && space.test(text[end]!)) end++;
  return end;
}
