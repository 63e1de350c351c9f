import { TemplateError } from "../template-error.js";
import type { Cursor } from "./cursor.js";
import type { Applied, CallArguments, Comparison, Expression } from "./tree.js";

const comparisons = ["==", "!=", "<", "<=", ">", ">="];
const noArguments: CallArguments = {
  positional: [],
  named: [],
  spread: undefined,
  spreadNamed: undefined,
};

/**
 * One expression, without commas. Precedence is Jinja's, from the weakest: if, or, and, not, comparisons, + and -, ~,
 * the products, **, signs, filters and tests.
 */
export function parseExpression(cursor: Cursor): Expression {
  return cursor.deeper(() => {
    let then = parseOr(cursor);
    while (cursor.skipName("if")) {
      const condition = parseOr(cursor);
      const otherwise = cursor.skipName("else") ? parseExpression(cursor) : undefined;
      then = { kind: "choice", condition, then, otherwise };
    }
    return then;
  });
}

/** An expression, or several with commas between them: a tuple. */
export function parseTuple(cursor: Cursor, parseItem = parseExpression, endsAt = endsTuple): Expression {
  const items: Expression[] = [];
  let commas = 0;
  do {
    if (endsAt(cursor)) break;
    items.push(parseItem(cursor));
  } while (cursor.skipOperator(",") && ++commas);
  if (commas > 0) return { kind: "tuple", items };
  if (items[0]) return items[0];
  throw cursor.failure("expected an expression");
}

function endsTuple(cursor: Cursor): boolean {
  const { type } = cursor.token;
  return type === "blockEnd" || type === "printEnd" || type === "end" || cursor.isOperator(")");
}

/** `a if b` is no choice here: in `for x in a if b` the condition belongs to the loop. */
export function parseOr(cursor: Cursor): Expression {
  let left = parseAnd(cursor);
  while (cursor.skipName("or")) left = { kind: "or", left, right: parseAnd(cursor) };
  return left;
}

function parseAnd(cursor: Cursor): Expression {
  let left = parseNot(cursor);
  while (cursor.skipName("and")) left = { kind: "and", left, right: parseNot(cursor) };
  return left;
}

function parseNot(cursor: Cursor): Expression {
  if (!cursor.skipName("not")) return parseComparison(cursor);
  return { kind: "not", of: cursor.deeper(() => parseNot(cursor)) };
}

function parseComparison(cursor: Cursor): Expression {
  const first = parseSum(cursor);
  const rest: Comparison[] = [];
  for (;;) {
    const operator = takeComparison(cursor);
    if (operator === undefined) break;
    rest.push({ operator, operand: parseSum(cursor) });
  }
  return rest.length === 0 ? first : { kind: "compare", first, rest };
}

function takeComparison(cursor: Cursor): string | undefined {
  const { token, ahead } = cursor;
  if (token.type === "operator" && comparisons.includes(token.value)) {
    cursor.next();
    return token.value;
  }
  if (cursor.skipName("in")) return "in";
  if (!cursor.isName("not") || ahead.type !== "name" || ahead.value !== "in") return undefined;
  cursor.next();
  cursor.next();
  return "not in";
}

const parseSum = leftToRight(["+", "-"], parseConcatenation);
const parsePower = leftToRight(["**"], parseSigned);
const parseProduct = leftToRight(["*", "/", "//", "%"], parsePower);

function leftToRight(operators: readonly string[], parseOperand: (cursor: Cursor) => Expression) {
  return (cursor: Cursor): Expression => {
    let left = parseOperand(cursor);
    for (let { token } = cursor; cursor.isOperator(...operators); { token } = cursor) {
      cursor.next();
      const operator = token.type === "operator" ? token.value : "";
      left = { kind: "arithmetic", operator, left, right: parseOperand(cursor) };
    }
    return left;
  };
}

function parseConcatenation(cursor: Cursor): Expression {
  const items = [parseProduct(cursor)];
  while (cursor.skipOperator("~")) items.push(parseProduct(cursor));
  return items.length === 1 ? items[0]! : { kind: "concat", items };
}

/** A sign binds what follows with its members and calls, and what is filtered is the signed value. */
function parseSigned(cursor: Cursor): Expression {
  return parseApplications(cursor, parseSign(cursor));
}

function parseSign(cursor: Cursor): Expression {
  const kind = cursor.isOperator("-") ? "negative" : cursor.isOperator("+") ? "positive" : undefined;
  if (kind === undefined) return parseMembers(cursor, parsePrimary(cursor));
  cursor.next();
  return parseMembers(cursor, { kind, of: cursor.deeper(() => parseSign(cursor)) });
}

function parseApplications(cursor: Cursor, of: Expression): Expression {
  let applied = of;
  for (;;) {
    const { line } = cursor.token;
    if (cursor.skipOperator("|")) applied = { kind: "filter", of: applied, ...parseFilter(cursor) };
    else if (cursor.skipName("is")) applied = parseTest(cursor, applied);
    else if (cursor.isOperator("("))
      applied = { kind: "call", callee: applied, args: parseArguments(cursor), line };
    else return applied;
  }
}

/** The filter behind a `|`. */
export function parseFilter(cursor: Cursor): Applied {
  const { line } = cursor.token;
  const name = parseDottedName(cursor);
  return { name, args: cursor.isOperator("(") ? parseArguments(cursor) : noArguments, line };
}

function parseDottedName(cursor: Cursor): string {
  let name = cursor.expectName();
  while (cursor.skipOperator(".")) name += `.${cursor.expectName()}`;
  return name;
}

function parseTest(cursor: Cursor, of: Expression): Expression {
  const { line } = cursor.token;
  const negated = cursor.skipName("not");
  const name = parseDottedName(cursor);
  const test: Expression = { kind: "test", of, name, args: parseTestArguments(cursor), line };
  return negated ? { kind: "not", of: test } : test;
}

/** In brackets, or one argument without. */
function parseTestArguments(cursor: Cursor): CallArguments {
  if (cursor.isOperator("(")) return parseArguments(cursor);
  const { type } = cursor.token;
  const begins = ["name", "text", "integer", "float"].includes(type) || cursor.isOperator("(", "[", "{");
  if (!begins || cursor.isName("else", "or", "and")) return noArguments;
  if (cursor.isName("is")) throw cursor.failure("expected no second test");
  return { ...noArguments, positional: [parseMembers(cursor, parsePrimary(cursor))] };
}

function parseMembers(cursor: Cursor, of: Expression): Expression {
  let value = of;
  for (;;) {
    const { line } = cursor.token;
    if (cursor.skipOperator(".")) value = parseMember(cursor, value);
    else if (cursor.isOperator("[")) value = parseItem(cursor, value);
    else if (cursor.isOperator("("))
      value = { kind: "call", callee: value, args: parseArguments(cursor), line };
    else return value;
  }
}

function parseMember(cursor: Cursor, of: Expression): Expression {
  const { token } = cursor;
  if (token.type === "name") {
    cursor.next();
    return { kind: "attribute", of, name: token.value };
  }
  if (token.type !== "integer") throw cursor.failure("expected a name or a number");
  cursor.next();
  return { kind: "item", of, key: { kind: "integer", value: token.value } };
}

function parseItem(cursor: Cursor, of: Expression): Expression {
  cursor.expectOperator("[");
  const keys = parseList(cursor, "]", parseKey);
  return { kind: "item", of, key: keys.length === 1 ? keys[0]! : { kind: "tuple", items: keys } };
}

/** An index, or a slice with up to three bounds. */
function parseKey(cursor: Cursor): Expression {
  const bound = () => (cursor.isOperator(":", "]", ",") ? undefined : parseExpression(cursor));
  const start = bound();
  if (!cursor.skipOperator(":")) {
    if (start) return start;
    throw cursor.failure("expected an index");
  }
  const stop = bound();
  const step = cursor.skipOperator(":") ? bound() : undefined;
  return { kind: "slice", bounds: [start, stop, step] };
}

/** What stands between two brackets, with commas between; a comma may end it. */
function parseList<T>(cursor: Cursor, closing: string, parse: (cursor: Cursor) => T): T[] {
  const items: T[] = [];
  while (!cursor.skipOperator(closing)) {
    if (items.length > 0) {
      cursor.expectOperator(",");
      if (cursor.skipOperator(closing)) break;
    }
    items.push(parse(cursor));
  }
  return items;
}

function parsePrimary(cursor: Cursor): Expression {
  const { token } = cursor;
  if (token.type === "name") return parseName(cursor);
  if (token.type === "text") return parseTexts(cursor);
  if (token.type === "integer" || token.type === "float") {
    cursor.next();
    return { kind: token.type, value: token.value };
  }
  if (cursor.skipOperator("(")) return parseBracketed(cursor);
  if (cursor.skipOperator("[")) return { kind: "list", items: parseList(cursor, "]", parseExpression) };
  if (cursor.skipOperator("{")) return { kind: "dict", pairs: parseList(cursor, "}", parsePair) };
  throw cursor.failure("expected an expression");
}

function parseName(cursor: Cursor): Expression {
  const name = cursor.expectName();
  if (name === "true" || name === "True") return { kind: "constant", value: true };
  if (name === "false" || name === "False") return { kind: "constant", value: false };
  if (name === "none" || name === "None") return { kind: "constant", value: null };
  cursor.noteRead(name);
  return { kind: "name", name };
}

/** Texts side by side are one. */
function parseTexts(cursor: Cursor): Expression {
  let value = "";
  for (let { token } = cursor; token.type === "text"; { token } = cursor) {
    value += token.value;
    cursor.next();
  }
  return { kind: "constant", value };
}

function parseBracketed(cursor: Cursor): Expression {
  if (cursor.skipOperator(")")) return { kind: "tuple", items: [] };
  const value = parseTuple(cursor);
  cursor.expectOperator(")");
  return value;
}

function parsePair(cursor: Cursor): [Expression, Expression] {
  const key = parseExpression(cursor);
  cursor.expectOperator(":");
  return [key, parseExpression(cursor)];
}

/** The arguments of a call, in brackets. */
function parseArguments(cursor: Cursor): CallArguments {
  const { line } = cursor.token;
  const args: {
    positional: Expression[];
    named: [string, Expression][];
    spread: Expression | undefined;
    spreadNamed: Expression | undefined;
  } = { positional: [], named: [], spread: undefined, spreadNamed: undefined };
  const ensure = (holds: boolean) => {
    if (!holds) throw new TemplateError("the arguments of a call are in the wrong order", line);
  };
  cursor.expectOperator("(");
  parseList(cursor, ")", () => {
    if (cursor.skipOperator("*")) {
      ensure(!args.spread && !args.spreadNamed);
      args.spread = parseExpression(cursor);
    } else if (cursor.skipOperator("**")) {
      ensure(!args.spreadNamed);
      args.spreadNamed = parseExpression(cursor);
    } else if (cursor.token.type === "name" && isAssignment(cursor)) {
      ensure(!args.spreadNamed);
      args.named.push(parseNamed(cursor));
    } else {
      ensure(!args.spread && !args.spreadNamed && args.named.length === 0);
      args.positional.push(parseExpression(cursor));
    }
  });
  return args;
}

function isAssignment({ ahead }: Cursor): boolean {
  return ahead.type === "operator" && ahead.value === "=";
}

function parseNamed(cursor: Cursor): [string, Expression] {
  const name = cursor.expectName();
  cursor.expectOperator("=");
  return [name, parseExpression(cursor)];
}
