/** What Oniguruma's patterns may say and the library's translation does not know. */

interface Options {
  /** Letters stand for both cases. */
  readonly ignoresCase: boolean;
  /** A dot stands for a line's end too. */
  readonly dotAll: boolean;
}

interface Group extends Options {
  /** Where it begins in the output. */
  readonly start: number;
  /** What closes it: more than one bracket where an option holds from its middle to its end. */
  readonly closing: string;
}

const escapePattern = /\\(?:[pPxu]\{[^}]*\}|x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|c[A-Za-z]|[\s\S])/uy;
const optionPattern = /\(\?([im]*)(?:-([im]+))?([:)])/y;
const groupPattern = /\(\?(?:[:=!]|<[=!]|<[A-Za-z_]\w*>)|\((?!\?)/y;
const quantifierPattern = /(?:[*+?]|\{\d+(?:,\d*)?\}|\{,\d+\})\??/y;
const lineEnd = "(?:\\r\\n|[\\n\\v\\f\\r\\x85\\u2028\\u2029])";
const neverRead = new Set(["\\X", "\\K", "\\y", "\\Y", "\\N", "\\O"]);

/**
 * The pattern in words that the library translates: options that hold from where they stand (`(?i)`), possessive
 * quantifiers and atomic groups by a look ahead and a reference to what it found, letters beyond ASCII in both cases.
 *
 * @throws SyntaxError for what can't be said, naming it
 */
export function rewritePattern(source: string): string {
  return new PatternRewriter(source).run();
}

class PatternRewriter {
  private at = 0;
  private out = "";
  /** Where the last atom begins in the output, for a possessive quantifier; -1 where there is none. */
  private atom = -1;
  private held = 0;
  private readonly groups: Group[] = [{ start: 0, closing: "", ignoresCase: false, dotAll: false }];

  constructor(readonly source: string) {}

  run(): string {
    while (this.at < this.source.length) this.step();
    if (this.groups.length > 1) throw new SyntaxError("a group is not closed");
    return this.out + this.group.closing;
  }

  private get group(): Group {
    return this.groups.at(-1)!;
  }

  private step(): void {
    const next = this.source[this.at];
    if (next === "\\") this.emitAtom(this.readEscape());
    else if (next === "[") this.emitAtom(this.readClass());
    else if (next === "(") this.open();
    else if (next === ")") this.close();
    else if (!this.quantify()) this.readCharacter();
  }

  private readCharacter(): void {
    const character = String.fromCodePoint(this.source.codePointAt(this.at)!);
    this.at += character.length;
    if (character === "|") this.emit(character);
    else this.emitAtom(character === "." && this.group.dotAll ? "[\\s\\S]" : this.inBothCases(character));
  }

  private readEscape(): string {
    const token = this.take(escapePattern)?.[0];
    if (token === undefined) throw new SyntaxError("it ends with a backslash");
    if (neverRead.has(token)) throw new SyntaxError(`${token} is not known here`);
    if (token.startsWith("\\p{^")) return `\\P{${token.slice(4)}`;
    return token === "\\R" ? lineEnd : token;
  }

  private take(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.source);
    if (found) this.at += found[0].length;
    return found ?? undefined;
  }

  private emit(text: string): void {
    this.out += text;
    this.atom = -1;
  }

  private emitAtom(text: string): void {
    this.atom = this.out.length;
    this.out += text;
  }

  private open(): void {
    const options = this.take(optionPattern);
    if (options) this.openOptions(options);
    else if (this.take(/\(\?>/y)) this.push(`(?:(?=(?<_${++this.held}>`, `))\\k<_${this.held}>)`);
    else if (!this.take(/\(\?#[^)]*\)/y)) this.push(this.readOpening(), ")");
  }

  private readOpening(): string {
    const opening = this.take(groupPattern)?.[0];
    if (opening !== undefined) return opening;
    throw new SyntaxError(`${this.source.slice(this.at, this.at + 6)} is not known here`);
  }

  private openOptions([, on = "", off = "", end]: RegExpExecArray): void {
    const options = {
      ignoresCase: (this.group.ignoresCase || on.includes("i")) && !off.includes("i"),
      dotAll: (this.group.dotAll || on.includes("m")) && !off.includes("m"),
    };
    if (this.group.ignoresCase && !options.ignoresCase)
      throw new SyntaxError("(?-i) within (?i) is not known here");
    const opening = options.ignoresCase ? "(?i:" : "(?:";
    if (end === ":") {
      this.push(opening, ")", options);
      return;
    }
    // It holds to the end of the group, over the alternatives that follow.
    const group = this.groups.pop()!;
    this.groups.push({ ...group, ...options, closing: `)${group.closing}` });
    this.emit(opening);
  }

  private push(opening: string, closing: string, options: Options = this.group): void {
    const { ignoresCase, dotAll } = options;
    this.groups.push({ ignoresCase, dotAll, start: this.out.length, closing });
    this.emit(opening);
  }

  private close(): void {
    this.at++;
    if (this.groups.length === 1) throw new SyntaxError("a bracket closes no group");
    const { start, closing } = this.groups.pop()!;
    this.out += closing;
    this.atom = start;
  }

  /** Takes a quantifier, if one is here. A possessive one gives nothing back, as an atomic group. */
  private quantify(): boolean {
    const quantifier = this.atom < 0 ? undefined : this.take(quantifierPattern)?.[0];
    if (quantifier === undefined) return false;
    this.out += quantifier;
    if (/^[*+?]$/.test(quantifier) && this.source[this.at] === "+") {
      this.at++;
      const atom = this.out.slice(this.atom);
      this.out = this.out.slice(0, this.atom);
      this.emitAtom(`(?:(?=(?<_${++this.held}>${atom}))\\k<_${this.held}>)`);
    }
    return true;
  }

  /** A character class with all that is nested in it. */
  private readClass(): string {
    const start = this.at;
    this.at = endOfClass(this.source, start);
    const written = this.source.slice(start, this.at);
    if (!this.group.ignoresCase) return written;
    const literals = written.slice(1, -1).replace(/\\[\s\S]|\[:.*?:\]/gu, "");
    const others = [...literals].flatMap(otherCases).filter((character) => !literals.includes(character));
    return `${written.slice(0, -1)}${others.join("")}]`;
  }

  private inBothCases(character: string): string {
    const others = this.group.ignoresCase ? otherCases(character) : [];
    return others.length === 0 ? character : `(?:${[character, ...others].join("|")})`;
  }
}

/** The letters beyond ASCII that differ from this one by case alone; the library sees to those in ASCII. */
function otherCases(character: string): string[] {
  const cases = [
    character.toLowerCase(),
    character.toUpperCase(),
    ...(folded[character.toLowerCase()] ?? []),
  ];
  const isOther = (other: string) => other !== character && /^[^\0-\x7f]$/u.test(other);
  return [...new Set(cases)].filter(isOther);
}

/** Long s, the Kelvin and the Ångström sign. */
const folded: Readonly<Record<string, readonly string[]>> = { s: ["ſ"], k: ["K"], å: ["Å"] };

function endOfClass(source: string, start: number): number {
  let depth = 0;
  let at = start;
  while (at < source.length) {
    if (source.startsWith("[:", at)) at = Math.max(at, source.indexOf(":]", at)) + 1;
    else if (source[at] === "\\") at++;
    else if (source[at] === "[") {
      depth++;
      // A bracket that closes nothing yet is one of the class.
      if (/^\[\^?\]/.test(source.slice(at, at + 3))) at += source[at + 1] === "^" ? 2 : 1;
    } else if (source[at] === "]" && --depth === 0) return at + 1;
    at++;
  }
  throw new SyntaxError("a character class is not closed");
}
