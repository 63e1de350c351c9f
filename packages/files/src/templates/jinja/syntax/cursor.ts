import { TemplateError } from "../template-error.js";
import { describeToken, type Token } from "./token.js";

/** No template of a model nests its expressions or blocks deeper than twenty or so. */
const deepest = 150;

/** A place among the tokens, with what the parsing functions ask of it. */
export class Cursor {
  private readonly tokens: readonly Token[];
  private readonly reads: Set<string>[] = [];
  private index = 0;
  private depth = 0;
  /** Loops round this place, within one procedure. */
  loops = 0;

  constructor(tokens: readonly Token[]) {
    this.tokens = tokens;
  }

  get token(): Token {
    return this.tokens[this.index]!;
  }

  get ahead(): Token {
    return this.tokens[this.index + 1] ?? this.token;
  }

  next(): Token {
    const token = this.token;
    if (this.index < this.tokens.length - 1) this.index++;
    return token;
  }

  isOperator(...values: string[]): boolean {
    const { token } = this;
    return token.type === "operator" && values.includes(token.value);
  }

  isName(...values: string[]): boolean {
    const { token } = this;
    return token.type === "name" && values.includes(token.value);
  }

  skipOperator(value: string): boolean {
    const skips = this.isOperator(value);
    if (skips) this.next();
    return skips;
  }

  skipName(value: string): boolean {
    const skips = this.isName(value);
    if (skips) this.next();
    return skips;
  }

  expectOperator(value: string): void {
    if (!this.skipOperator(value)) throw this.failure(`expected '${value}'`);
  }

  expectName(): string {
    const { token } = this;
    if (token.type !== "name") throw this.failure("expected a name");
    this.next();
    return token.value;
  }

  expect(type: Token["type"], what: string): void {
    if (this.token.type !== type) throw this.failure(`expected ${what}`);
    this.next();
  }

  failure(expected: string): TemplateError {
    return new TemplateError(`${expected}, found ${describeToken(this.token)}`, this.token.line);
  }

  /** Runs a parsing function one level deeper. */
  deeper<T>(parse: () => T): T {
    if (++this.depth > deepest)
      throw new TemplateError(`more than ${deepest} levels of nesting`, this.token.line);
    const parsed = parse();
    this.depth--;
    return parsed;
  }

  /** Parses a procedure's body, and notes which names it reads; loops outside it are not its own. */
  procedure<T>(parse: () => T): { parsed: T; reads: ReadonlySet<string> } {
    const reads = new Set<string>();
    const { loops } = this;
    this.reads.push(reads);
    this.loops = 0;
    const parsed = parse();
    this.loops = loops;
    this.reads.pop();
    for (const name of reads) this.noteRead(name);
    return { parsed, reads };
  }

  noteRead(name: string): void {
    this.reads.at(-1)?.add(name);
  }
}
