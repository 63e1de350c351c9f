/** Context-free grammars as data. One interpreter writes texts, the other reads them; both take the same data. */

/** Terminal text, or the name of a symbol to put in. */
export type Part = string | { readonly symbol: string };

/** One way to write a symbol. Not empty, and no symbol can begin with itself. */
export type Production = readonly Part[];

export type Grammar = ReadonlyMap<string, readonly Production[]>;

/** How a text came from a symbol: which production, and how each symbol in it was written, from left to right. */
export interface Derivation {
  readonly symbol: string;
  readonly choice: number;
  readonly children: readonly Derivation[];
}

/** Chooses a production of a symbol by its place in the list. */
export type Choose = (symbol: string, productions: readonly Production[]) => number;

/** Reads `"In general, <statement>."`: names in angle brackets are symbols. */
export function productionOf(template: string): Production {
  const pieces = template.split(/<([^>]+)>/);
  return pieces
    .map((piece, i): Part => (i % 2 === 1 ? { symbol: piece } : piece))
    .filter((part) => part !== "");
}

/** Derives a symbol; every choice that the grammar leaves open is the caller's. */
export function derive(grammar: Grammar, symbol: string, choose: Choose): Derivation {
  const productions = productionsOf(grammar, symbol);
  const choice = choose(symbol, productions);
  const children = symbolsOf(productions[choice]!).map((part) => derive(grammar, part, choose));
  return { symbol, choice, children };
}

/** The text that a derivation stands for. */
export function write(grammar: Grammar, { symbol, choice, children }: Derivation): string {
  let next = 0;
  const texts = productionsOf(grammar, symbol)[choice]!.map((part) =>
    typeof part === "string" ? part : write(grammar, children[next++]!),
  );
  return texts.join("");
}

/** Every way in which a symbol can be written as exactly this text. */
export function recognise(grammar: Grammar, symbol: string, text: string): Derivation[] {
  const whole = [...readings(grammar, symbol, text, 0)].filter(({ end }) => end === text.length);
  return whole.map(({ derivation }) => derivation);
}

interface Reading {
  readonly derivation: Derivation;
  readonly end: number;
}

function* readings(grammar: Grammar, symbol: string, text: string, at: number): Generator<Reading> {
  for (const [choice, production] of productionsOf(grammar, symbol).entries()) {
    for (const { children, end } of sequences(grammar, production, text, at)) {
      yield { derivation: { symbol, choice, children }, end };
    }
  }
}

interface Sequence {
  readonly children: readonly Derivation[];
  readonly end: number;
}

function* sequences(grammar: Grammar, parts: Production, text: string, at: number): Generator<Sequence> {
  const [first, ...rest] = parts;
  if (first === undefined) {
    yield { children: [], end: at };
  } else if (typeof first === "string") {
    if (text.startsWith(first, at)) yield* sequences(grammar, rest, text, at + first.length);
  } else {
    for (const { derivation, end } of readings(grammar, first.symbol, text, at)) {
      for (const tail of sequences(grammar, rest, text, end)) {
        yield { children: [derivation, ...tail.children], end: tail.end };
      }
    }
  }
}

function symbolsOf(production: Production): string[] {
  return production.flatMap((part) => (typeof part === "string" ? [] : [part.symbol]));
}

function productionsOf(grammar: Grammar, symbol: string): readonly Production[] {
  const productions = grammar.get(symbol);
  if (productions === undefined) throw new RangeError(`The grammar has no symbol <${symbol}>.`);
  return productions;
}
