import type { Applied, CallArguments, Expression } from "../syntax/tree.js";
import { TemplateError } from "../template-error.js";
import { calculate, signed } from "../values/arithmetic.js";
import { compare } from "../values/compare.js";
import { collect, isTrue } from "../values/iterate.js";
import { attributeOf, itemOf, sliceOf } from "../values/members.js";
import { toText } from "../values/print.js";
import { expectUsable } from "../values/usable.js";
import {
  type Arguments,
  Callable,
  Dict,
  Float,
  orElse,
  Tuple,
  typeName,
  Undefined,
  type Value,
} from "../values/value.js";
import { findGlobal } from "./globals.js";
import { Loop } from "./loop.js";
import type { Runtime } from "./runtime.js";
import type { Scope } from "./scope.js";

/** The value of an expression. Each of its nodes takes a step. @throws TemplateError where Python would raise */
export function evaluate(runtime: Runtime, node: Expression, scope: Scope): Value {
  runtime.budget.spend();
  const value = (inner: Expression) => evaluate(runtime, inner, scope);
  switch (node.kind) {
    case "constant":
    case "integer":
      return node.value;
    case "float":
      return new Float(node.value);
    case "name":
      return lookUp(runtime, node.name, scope);
    case "list":
      return node.items.map(value);
    case "tuple":
      return new Tuple(node.items.map(value));
    case "dict":
      return new Dict(node.pairs.map(([key, member]) => [value(key), value(member)]));
    case "concat":
      return concatenate(runtime, node.items.map(value));
    case "attribute":
      return attributeOf(runtime, value(node.of), node.name);
    case "item":
      return evaluateItem(runtime, node.of, node.key, scope);
    case "slice":
      throw new TemplateError("a slice stands among other indices");
    case "call":
      return call(value(node.callee), evaluateArguments(runtime, node.args, scope));
    case "filter":
      return applyFilter(runtime, node, value(node.of), scope);
    case "test":
      return runtime.test(node.name, value(node.of), evaluateArguments(runtime, node.args, scope));
    case "not":
      return !isTrue(value(node.of));
    case "negative":
      return signed(value(node.of), -1);
    case "positive":
      return signed(value(node.of), 1);
    case "and": {
      const left = value(node.left);
      return isTrue(left) ? value(node.right) : left;
    }
    case "or": {
      const left = value(node.left);
      return isTrue(left) ? left : value(node.right);
    }
    case "compare":
      return evaluateComparison(runtime, node, scope);
    case "arithmetic":
      return calculate(runtime, node.operator, value(node.left), value(node.right));
    case "choice": {
      if (isTrue(value(node.condition))) return value(node.then);
      return node.otherwise ? value(node.otherwise) : new Undefined("the choice has no else");
    }
  }
}

function lookUp(runtime: Runtime, name: string, scope: Scope): Value {
  const value = scope.get(name);
  if (value !== undefined) return value;
  return orElse(findGlobal(runtime, name), new Undefined(`'${name}' is undefined`));
}

function concatenate(runtime: Runtime, values: readonly Value[]): string {
  let text = "";
  for (const value of values) text += toText(runtime, value);
  runtime.budget.checkText(text.length);
  return text;
}

function evaluateItem(runtime: Runtime, of: Expression, key: Expression, scope: Scope): Value {
  const value = evaluate(runtime, of, scope);
  if (key.kind !== "slice") return itemOf(runtime, value, evaluate(runtime, key, scope));
  const bounds = key.bounds.map((bound) => bound && evaluate(runtime, bound, scope));
  return sliceOf(runtime, value, bounds);
}

/** `a < b < c` holds where each neighbour's comparison does; what comes after one that does not is not computed. */
function evaluateComparison(
  runtime: Runtime,
  { first, rest }: Extract<Expression, { kind: "compare" }>,
  scope: Scope,
): boolean {
  let left = evaluate(runtime, first, scope);
  for (const { operator, operand } of rest) {
    const right = evaluate(runtime, operand, scope);
    if (!compare(runtime, operator, left, right)) return false;
    left = right;
  }
  return true;
}

/** One filter on a value. */
export function applyFilter(runtime: Runtime, { name, args }: Applied, value: Value, scope: Scope): Value {
  return runtime.filter(name, value, evaluateArguments(runtime, args, scope));
}

function evaluateArguments(runtime: Runtime, args: CallArguments, scope: Scope): Arguments {
  const positional = args.positional.map((argument) => evaluate(runtime, argument, scope));
  const spread = args.spread ? collect(runtime, evaluate(runtime, args.spread, scope)) : [];
  for (const value of spread) positional.push(value);
  const named = new Map<string, Value>();
  const add = (name: string, value: Value) => {
    if (named.has(name)) throw new TemplateError(`the argument '${name}' is passed twice`);
    named.set(name, value);
  };
  for (const [name, argument] of args.named) add(name, evaluate(runtime, argument, scope));
  if (args.spreadNamed) {
    const more = evaluate(runtime, args.spreadNamed, scope);
    if (!(more instanceof Dict)) throw new TemplateError(`** needs a mapping, not ${typeName(more)}`);
    for (const [name, value] of more.entries()) add(toText(runtime, name), value);
  }
  return { positional, named };
}

/** Calls a function, a method, a macro, or a recursive loop. */
export function call(callee: Value, args: Arguments): Value {
  const callable = callee instanceof Loop ? callee.again : callee;
  if (callable instanceof Callable) return callable.call(args);
  expectUsable(callee);
  throw new TemplateError(`'${typeName(callee)}' object is not callable`);
}
