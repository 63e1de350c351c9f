import { notRead, TemplateError } from "../template-error.js";
import { Cursor } from "./cursor.js";
import { parseExpression, parseFilter, parseOr, parseTuple } from "./parse-expression.js";
import { tokenize } from "./tokenize.js";
import type { Applied, Body, Branch, Expression, Parameter, Procedure, Statement, Target } from "./tree.js";

/** A template's source as a tree. @throws TemplateError where it is no Jinja, or has a tag that is not read */
export function parseTemplate(source: string): Body {
  return parseBody(new Cursor(tokenize(source)), []);
}

/** Statements up to a tag of one of these names, whose name is the next token; or up to the end. */
function parseBody(cursor: Cursor, ends: readonly string[]): Body {
  return cursor.deeper(() => {
    const body: Statement[] = [];
    for (;;) {
      const token = cursor.next();
      const { line } = token;
      if (token.type === "data") body.push({ kind: "text", text: token.value, line });
      else if (token.type === "printBegin") body.push(parsePrint(cursor, line));
      else if (token.type === "blockBegin") {
        if (cursor.isName(...ends)) return body;
        body.push(...parseStatement(cursor, line));
        cursor.expect("blockEnd", "'%}'");
      } else if (ends.length === 0) return body;
      else throw new TemplateError(`{% ${ends.at(-1)} %} is missing`, line);
    }
  });
}

function parsePrint(cursor: Cursor, line: number): Statement {
  const value = parseTuple(cursor);
  cursor.expect("printEnd", "'}}'");
  return { kind: "print", value, line };
}

type StatementParser = (cursor: Cursor, line: number) => Statement;

/** By the tag's name. */
const statements: Readonly<Record<string, StatementParser>> = {
  if: parseIf,
  for: parseFor,
  set: parseSet,
  macro: parseMacro,
  call: parseCallBlock,
  filter: parseFilterBlock,
  with: parseWith,
  generation: parseGeneration,
  break: parseJump,
  continue: parseJump,
};

/** The tags of Jinja's that are not read here; no chat template can use those that load others. */
const unread = ["autoescape", "block", "extends", "from", "import", "include"];

function parseStatement(cursor: Cursor, line: number): Statement[] {
  const { token } = cursor;
  if (token.type !== "name") throw cursor.failure("expected the name of a tag");
  if (token.value === "print") return parsePrints(cursor, line);
  const parse = Object.hasOwn(statements, token.value) ? statements[token.value] : undefined;
  if (parse) return [parse(cursor, line)];
  const tag = `the tag {% ${token.value} %}`;
  throw unread.includes(token.value) ? notRead(tag, line) : new TemplateError(`${tag} is unknown`, line);
}

function parsePrints(cursor: Cursor, line: number): Statement[] {
  cursor.next();
  const printed: Statement[] = [];
  do printed.push({ kind: "print", value: parseExpression(cursor), line });
  while (cursor.skipOperator(","));
  return printed;
}

function parseIf(cursor: Cursor, line: number): Statement {
  const branches: Branch[] = [];
  while (cursor.isName("if", "elif")) {
    cursor.next();
    const condition = parseTuple(cursor, parseOr);
    branches.push({ condition, body: parseBlock(cursor, ["elif", "else", "endif"]) });
  }
  const otherwise = cursor.skipName("else") ? parseBlock(cursor, ["endif"]) : [];
  cursor.next();
  return { kind: "if", branches, otherwise, line };
}

/** The end of a tag and what it encloses. */
function parseBlock(cursor: Cursor, ends: readonly string[]): Body {
  cursor.expect("blockEnd", "'%}'");
  return parseBody(cursor, ends);
}

/** As `parseBlock`, with the name of the tag that ends it. */
function parseWhole(cursor: Cursor, end: string): Body {
  const body = parseBlock(cursor, [end]);
  cursor.next();
  return body;
}

function parseFor(cursor: Cursor, line: number): Statement {
  cursor.next();
  const target = parseTarget(cursor, (at) => at.isName("in"));
  if (!cursor.skipName("in")) throw cursor.failure("expected 'in'");
  const iterable = parseTuple(
    cursor,
    parseOr,
    (at) => at.token.type === "blockEnd" || at.isName("recursive"),
  );
  const condition = cursor.skipName("if") ? parseExpression(cursor) : undefined;
  const recursive = cursor.skipName("recursive");
  cursor.loops++;
  const body = parseBlock(cursor, ["else", "endfor"]);
  cursor.loops--;
  const otherwise = cursor.skipName("else") ? parseBlock(cursor, ["endfor"]) : [];
  cursor.next();
  return { kind: "for", target, iterable, condition, recursive, body, otherwise, line };
}

function parseTarget(cursor: Cursor, endsAt?: (cursor: Cursor) => boolean, members = false): Target {
  return asTarget(
    cursor,
    parseTuple(cursor, (at) => parseTargetItem(at, members), endsAt),
  );
}

/** Read like an expression: a name, a namespace's member, or those in brackets. */
function parseTargetItem(cursor: Cursor, members: boolean): Expression {
  if (cursor.skipOperator("(")) {
    const inner = parseTuple(cursor, (at) => parseTargetItem(at, members));
    cursor.expectOperator(")");
    return inner;
  }
  const name = cursor.expectName();
  const of: Expression = { kind: "name", name };
  return members && cursor.skipOperator(".") ? { kind: "attribute", of, name: cursor.expectName() } : of;
}

const constants = ["true", "True", "false", "False", "none", "None"];

function asTarget(cursor: Cursor, read: Expression): Target {
  if (read.kind === "name") {
    if (constants.includes(read.name)) throw cursor.failure(`expected a name instead of ${read.name}`);
    return read;
  }
  if (read.kind === "attribute" && read.of.kind === "name")
    return { kind: "member", of: read.of.name, name: read.name };
  if (read.kind === "tuple")
    return { kind: "tuple", items: read.items.map((item) => asTarget(cursor, item)) };
  throw cursor.failure("expected a name to assign to");
}

function parseSet(cursor: Cursor, line: number): Statement {
  cursor.next();
  const target = parseTarget(cursor, (at) => at.isOperator("=", "|") || at.token.type === "blockEnd", true);
  if (cursor.skipOperator("=")) return { kind: "set", target, value: parseTuple(cursor), line };
  const filters: Applied[] = [];
  while (cursor.skipOperator("|")) filters.push(parseFilter(cursor));
  return { kind: "setBlock", target, filters, body: parseWhole(cursor, "endset"), line };
}

function parseMacro(cursor: Cursor, line: number): Statement {
  cursor.next();
  const name = cursor.expectName();
  const parameters = parseParameters(cursor);
  return { kind: "macro", name, ...parseProcedure(cursor, parameters, "endmacro"), line };
}

function parseProcedure(cursor: Cursor, parameters: readonly Parameter[], end: string): Procedure {
  const { parsed, reads } = cursor.procedure(() => parseWhole(cursor, end));
  return { parameters, body: parsed, reads };
}

function parseParameters(cursor: Cursor): Parameter[] {
  cursor.expectOperator("(");
  const parameters: Parameter[] = [];
  while (!cursor.skipOperator(")")) {
    if (parameters.length > 0) cursor.expectOperator(",");
    const name = cursor.expectName();
    const fallback = cursor.skipOperator("=") ? parseExpression(cursor) : undefined;
    if (!fallback && parameters.at(-1)?.fallback)
      throw cursor.failure("expected a default after a parameter with one");
    parameters.push({ name, fallback });
  }
  return parameters;
}

function parseCallBlock(cursor: Cursor, line: number): Statement {
  cursor.next();
  const parameters = cursor.isOperator("(") ? parseParameters(cursor) : [];
  const call = parseExpression(cursor);
  if (call.kind !== "call") throw cursor.failure("expected a call");
  return { kind: "callBlock", call, ...parseProcedure(cursor, parameters, "endcall"), line };
}

function parseFilterBlock(cursor: Cursor, line: number): Statement {
  cursor.next();
  const filters = [parseFilter(cursor)];
  while (cursor.skipOperator("|")) filters.push(parseFilter(cursor));
  return { kind: "filterBlock", filters, body: parseWhole(cursor, "endfilter"), line };
}

function parseWith(cursor: Cursor, line: number): Statement {
  cursor.next();
  const values: [Target, Expression][] = [];
  while (cursor.token.type !== "blockEnd") {
    if (values.length > 0) cursor.expectOperator(",");
    const target = parseTarget(cursor, (at) => at.isOperator("="));
    cursor.expectOperator("=");
    values.push([target, parseExpression(cursor)]);
  }
  return { kind: "with", values, body: parseWhole(cursor, "endwith"), line };
}

/** Marks what the assistant says, for training; here it is only what it encloses. */
function parseGeneration(cursor: Cursor, line: number): Statement {
  cursor.next();
  const { parsed } = cursor.procedure(() => parseWhole(cursor, "endgeneration"));
  return { kind: "generation", body: parsed, line };
}

function parseJump(cursor: Cursor, line: number): Statement {
  const kind = cursor.isName("break") ? "break" : "continue";
  cursor.next();
  if (cursor.loops === 0) throw new TemplateError(`{% ${kind} %} stands in no loop`, line);
  return { kind, line };
}
