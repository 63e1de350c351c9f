import { notRead, TemplateError } from "../template-error.js";
import { whiteSpace } from "./characters.js";
import { decodeLiteral } from "./decode-literal.js";
import type { Token } from "./token.js";

/**
 * Cuts a template's source into tokens, with the white space round tags removed as transformers sets Jinja up:
 * the line end after a block (`trim_blocks`), the white space before a block that begins its line (`lstrip_blocks`),
 * one line end at the end of the source; `-` removes more and `+` keeps. Every line end is read as `\n`.
 */
export function tokenize(source: string): Token[] {
  return new Tokenizer(source.replace(/\r\n?/g, "\n").replace(/\n$/, "")).tokens();
}

const sticky = (source: string) => new RegExp(source, "yu");
const rawOpening = new RegExp(
  `\\{%(?<rawSign>[-+]?)[${whiteSpace}]*raw[${whiteSpace}]*(?:-%\\}[${whiteSpace}]*|%\\})|\\{(?<tag>[%#{])(?<sign>[-+]?)`,
  "g",
);
const rawEnd = new RegExp(
  `\\{%(?<sign>[-+]?)[${whiteSpace}]*endraw[${whiteSpace}]*(?:\\+%\\}|-%\\}[${whiteSpace}]*|%\\}\\n?)`,
  "g",
);
const commentEnd = new RegExp(`\\+#\\}|-#\\}[${whiteSpace}]*|#\\}\\n?`, "g");
const ends = {
  block: sticky(`\\+%\\}|-%\\}[${whiteSpace}]*|%\\}\\n?`),
  print: sticky(`-\\}\\}[${whiteSpace}]*|\\}\\}`),
};
const whiteRun = sticky(`[${whiteSpace}]+`);
const floatLiteral = sticky(
  "(?:\\d+_)*\\d+(?:(?:\\.(?:\\d+_)*\\d+)?[eE][+-]?(?:\\d+_)*\\d+|\\.(?:\\d+_)*\\d+)",
);
const integerLiteral = sticky(
  "0[bB](?:_?[01])+|0[oO](?:_?[0-7])+|0[xX](?:_?[\\da-fA-F])+|[1-9](?:_?\\d)*|0(?:_?0)*",
);
const nameLiteral = sticky("[\\p{L}\\p{N}_]+");
const textLiteral = sticky(`'[^'\\\\]*(?:\\\\[^][^'\\\\]*)*'|"[^"\\\\]*(?:\\\\[^][^"\\\\]*)*"`);
const operator = sticky("//|\\*\\*|==|!=|>=|<=|[-+/*%~\\[\\](){}><=.:|,;]");
const closingOf: Readonly<Record<string, string>> = { "(": ")", "[": "]", "{": "}" };

class Tokenizer {
  private readonly source: string;
  private readonly found: Token[] = [];
  private position = 0;
  private line = 1;

  constructor(source: string) {
    this.source = source;
  }

  tokens(): Token[] {
    while (this.position < this.source.length) this.readText();
    this.found.push({ type: "end", line: this.line });
    return this.found;
  }

  /** Text up to the next tag, and that tag. */
  private readText(): void {
    const begin = this.position;
    const opening = this.find(rawOpening, begin);
    if (!opening) {
      this.addData(this.source.slice(begin));
      this.moveTo(this.source.length);
      return;
    }
    const { tag, sign = "", rawSign } = opening.groups!;
    const text = this.source.slice(begin, opening.index);
    this.addData(this.strippedBefore(text, begin, rawSign ?? sign, tag === "{"));
    this.moveTo(opening.index + opening[0].length);
    if (rawSign !== undefined) this.readRaw();
    else if (tag === "#") this.skipComment();
    else this.readTag(tag === "%" ? "block" : "print");
  }

  private strippedBefore(text: string, begin: number, sign: string, isPrint: boolean): string {
    if (sign === "-") return text.replace(new RegExp(`[${whiteSpace}]+$`), "");
    if (sign === "+" || isPrint) return text;
    const lineStart = text.lastIndexOf("\n") + 1;
    const startsLine = lineStart > 0 || begin === 0 || this.source[begin - 1] === "\n";
    return startsLine && isWhite(text.slice(lineStart)) ? text.slice(0, lineStart) : text;
  }

  private readRaw(): void {
    const begin = this.position;
    const end = this.find(rawEnd, begin);
    if (!end) throw new TemplateError("{% raw %} has no {% endraw %}", this.line);
    this.addData(this.strippedBefore(this.source.slice(begin, end.index), begin, end.groups!.sign!, false));
    this.moveTo(end.index + end[0].length);
  }

  private skipComment(): void {
    const end = this.find(commentEnd, this.position);
    if (!end) throw new TemplateError("a comment has no '#}'", this.line);
    this.moveTo(end.index + end[0].length);
  }

  private readTag(kind: "block" | "print"): void {
    this.found.push({ type: `${kind}Begin`, line: this.line });
    const open: string[] = [];
    for (;;) {
      const end = open.length === 0 && this.take(ends[kind]);
      if (end) {
        this.found.push({ type: `${kind}End`, line: this.line });
        this.moveTo(this.position + end.length);
        return;
      }
      this.readInside(open);
    }
  }

  private readInside(open: string[]): void {
    const white = this.take(whiteRun);
    if (white) {
      this.moveTo(this.position + white.length);
      return;
    }
    const token = this.number() ?? this.word() ?? this.literal() ?? this.operator(open);
    if (token === undefined) {
      const character = String.fromCodePoint(this.source.codePointAt(this.position) ?? 0x20);
      const what = this.position < this.source.length ? `unexpected '${character}'` : "a tag is not closed";
      throw new TemplateError(what, this.line);
    }
    this.found.push(token.token);
    this.moveTo(this.position + token.length);
  }

  private number(): Taken | undefined {
    const float = this.source[this.position - 1] !== "." && this.take(floatLiteral);
    const line = this.line;
    if (float)
      return {
        token: { type: "float", value: Number(float.replaceAll("_", "")), line },
        length: float.length,
      };
    const integer = this.take(integerLiteral);
    if (!integer) return undefined;
    const value = Number(integer.replaceAll("_", ""));
    if (!Number.isSafeInteger(value)) throw notRead("an integer beyond 2^53", line);
    return { token: { type: "integer", value, line }, length: integer.length };
  }

  private word(): Taken | undefined {
    const name = this.take(nameLiteral);
    return name ? { token: { type: "name", value: name, line: this.line }, length: name.length } : undefined;
  }

  private literal(): Taken | undefined {
    const quoted = this.take(textLiteral);
    if (!quoted) return undefined;
    const value = decodeLiteral(quoted.slice(1, -1), this.line);
    return { token: { type: "text", value, line: this.line }, length: quoted.length };
  }

  private operator(open: string[]): Taken | undefined {
    const value = this.take(operator);
    if (!value) return undefined;
    const closing = closingOf[value];
    if (closing) open.push(closing);
    else if (")]}".includes(value) && open.pop() !== value)
      throw new TemplateError(`unexpected '${value}'`, this.line);
    return { token: { type: "operator", value, line: this.line }, length: value.length };
  }

  private addData(value: string): void {
    if (value !== "") this.found.push({ type: "data", value, line: this.line });
  }

  private find(pattern: RegExp, from: number): RegExpExecArray | null {
    pattern.lastIndex = from;
    return pattern.exec(this.source);
  }

  private take(pattern: RegExp): string | undefined {
    return this.find(pattern, this.position)?.[0];
  }

  private moveTo(position: number): void {
    for (let at = this.position; at < position; at++) if (this.source[at] === "\n") this.line++;
    this.position = position;
  }
}

interface Taken {
  readonly token: Token;
  readonly length: number;
}

function isWhite(text: string): boolean {
  return text !== "" && new RegExp(`^[${whiteSpace}]+$`).test(text);
}
