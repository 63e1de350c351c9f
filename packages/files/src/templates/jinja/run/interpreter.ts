import { findFilter } from "../library/filters.js";
import { findTest } from "../library/tests.js";
import type {
  Applied,
  Body,
  Expression,
  ForStatement,
  Procedure,
  Statement,
  Target,
} from "../syntax/tree.js";
import { TemplateError } from "../template-error.js";
import { sizeOf } from "../values/from-json.js";
import { collect, isTrue, iterate } from "../values/iterate.js";
import { attributeOf, itemOf } from "../values/members.js";
import { toText } from "../values/print.js";
import { Namespace } from "../values/things.js";
import { type Arguments, Callable, Dict, orElse, Tuple, Undefined, type Value } from "../values/value.js";
import { Budget } from "./budget.js";
import { applyFilter, evaluate } from "./evaluate.js";
import { Loop } from "./loop.js";
import { Output } from "./output.js";
import type { Runtime } from "./runtime.js";
import { Scope } from "./scope.js";

/** How a statement ends where it does not simply go on. */
type Jump = "break" | "continue" | undefined;

export interface RenderSettings {
  readonly now: Date;
  readonly standIns: ReadonlySet<string>;
}

/** Variables by their names. */
export type Variables = readonly (readonly [string, Value])[];

/** Runs a template's tree. It holds what one rendering has spent, so it is used once. */
export class Interpreter implements Runtime {
  readonly budget: Budget;
  readonly now: Date;
  readonly standIns: ReadonlySet<string>;
  private readonly variables: Variables;
  private line = 1;

  constructor(variables: Variables, { now, standIns }: RenderSettings) {
    this.variables = variables;
    this.budget = new Budget(variables.reduce((sum, [, value]) => sum + sizeOf(value), 0));
    this.now = now;
    this.standIns = standIns;
  }

  /** What the template writes. @throws TemplateError, with the line where it ended */
  render(body: Body): string {
    const scope = new Scope();
    for (const [name, value] of this.variables) scope.set(name, value);
    const output = new Output(this.budget);
    try {
      this.run(body, new Scope(scope), output);
    } catch (cause) {
      throw this.located(cause);
    }
    return output.toString();
  }

  attribute(value: Value, name: string): Value {
    return attributeOf(this, value, name);
  }

  item(value: Value, key: Value): Value {
    return itemOf(this, value, key);
  }

  filter(name: string, value: Value, args: Arguments): Value {
    return findFilter(name)(this, value, args);
  }

  test(name: string, value: Value, args: Arguments): boolean {
    return findTest(name)(this, value, args);
  }

  /** The same error with the line; a deep recursion as the sentence that it is. */
  private located(cause: unknown): unknown {
    if (cause instanceof RangeError) return new TemplateError("it nests too deeply", this.line);
    if (cause instanceof TemplateError && cause.line === undefined) cause.line = this.line;
    return cause;
  }

  private run(body: Body, scope: Scope, output: Output): Jump {
    for (const statement of body) {
      this.line = statement.line;
      this.budget.spend();
      const jump = this.execute(statement, scope, output);
      if (jump) return jump;
    }
    return undefined;
  }

  private execute(statement: Statement, scope: Scope, output: Output): Jump {
    switch (statement.kind) {
      case "text":
        output.write(statement.text);
        return undefined;
      case "print":
        output.write(toText(this, evaluate(this, statement.value, scope)));
        return undefined;
      case "if":
        return this.runIf(statement, scope, output);
      case "for":
        return this.runFor(statement, scope, output);
      case "break":
      case "continue":
        return statement.kind;
      case "with":
        return this.runWith(statement, scope, output);
      case "generation":
        return this.run(statement.body, new Scope(scope), output);
      case "filterBlock":
        output.write(toText(this, this.filtered(statement, scope)));
        return undefined;
      case "callBlock":
        output.write(toText(this, this.callWithBlock(statement, scope)));
        return undefined;
      default:
        this.define(statement, scope);
        return undefined;
    }
  }

  /** The statements that write nothing. */
  private define(statement: Extract<Statement, { kind: "set" | "setBlock" | "macro" }>, scope: Scope): void {
    if (statement.kind === "macro") {
      scope.set(statement.name, this.procedure(statement.name, statement, scope));
      return;
    }
    const value =
      statement.kind === "set" ? evaluate(this, statement.value, scope) : this.filtered(statement, scope);
    this.assign(statement.target, value, scope);
  }

  private runIf(statement: Extract<Statement, { kind: "if" }>, scope: Scope, output: Output): Jump {
    const taken = statement.branches.find(({ condition }) => isTrue(evaluate(this, condition, scope)));
    return this.run(taken?.body ?? statement.otherwise, scope, output);
  }

  private runWith(statement: Extract<Statement, { kind: "with" }>, scope: Scope, output: Output): Jump {
    const inner = new Scope(scope);
    for (const [target, value] of statement.values) this.assign(target, evaluate(this, value, scope), inner);
    return this.run(statement.body, inner, output);
  }

  private filtered({ filters, body }: { filters: readonly Applied[]; body: Body }, scope: Scope): Value {
    const inner = new Output(this.budget);
    this.run(body, new Scope(scope), inner);
    let value: Value = inner.toString();
    for (const filter of filters) value = applyFilter(this, filter, value, scope);
    return value;
  }

  private runFor(statement: ForStatement, scope: Scope, output: Output, items?: Value, depth = 0): Jump {
    const source = items === undefined ? evaluate(this, statement.iterable, scope) : items;
    const again = statement.recursive ? this.again(statement, scope, depth) : undefined;
    const loop = new Loop(this, this.chosen(statement, source, scope), depth, again);
    // As in Jinja, the else of a loop runs where no round came to its end, be it by break or continue.
    let rounds = 0;
    for (let item = loop.next(); item !== undefined; item = loop.next()) {
      const round = new Scope(scope);
      round.set("loop", loop);
      this.assign(statement.target, item, round);
      const jump = this.run(statement.body, round, output);
      if (jump === "break") break;
      if (jump === undefined) rounds++;
    }
    return rounds === 0 ? this.run(statement.otherwise, new Scope(scope), output) : undefined;
  }

  private again(statement: ForStatement, scope: Scope, depth: number): Callable {
    return new Callable("loop", ({ positional: [items] }) => {
      if (items === undefined) throw new TemplateError("loop() misses what to go through");
      const output = new Output(this.budget);
      this.budget.deeper(() => this.runFor(statement, scope, output, items, depth + 1));
      return output.toString();
    });
  }

  /** The items that the loop's condition lets through, each judged when its turn comes. */
  private *chosen({ target, condition }: ForStatement, source: Value, scope: Scope): IterableIterator<Value> {
    for (const item of iterate(this, source)) {
      if (condition) {
        this.budget.spend();
        const judged = new Scope(scope);
        this.assign(target, item, judged);
        if (!isTrue(evaluate(this, condition, judged))) continue;
      }
      yield item;
    }
  }

  private assign(target: Target, value: Value, scope: Scope): void {
    if (target.kind === "name") scope.set(target.name, value);
    else if (target.kind === "member") this.assignMember(target.of, target.name, value, scope);
    else this.unpack(target.items, value, scope);
  }

  private assignMember(of: string, name: string, value: Value, scope: Scope): void {
    const namespace = scope.get(of);
    if (!(namespace instanceof Namespace))
      throw new TemplateError("cannot assign attribute on non-namespace object");
    namespace.values.set(name, value);
  }

  private unpack(targets: readonly Target[], value: Value, scope: Scope): void {
    const items = collect(this, value);
    if (items.length !== targets.length)
      throw new TemplateError(`${targets.length} values to unpack were expected, got ${items.length}`);
    for (const [index, target] of targets.entries()) this.assign(target, items[index]!, scope);
  }

  private callWithBlock(statement: { call: Expression } & Procedure, scope: Scope): Value {
    if (statement.call.kind !== "call") throw new TemplateError("{% call %} needs a call");
    const caller = this.procedure("caller", statement, scope);
    const { callee, args } = statement.call;
    const named = [...args.named, ["caller", { kind: "name", name: callerKey }] as const];
    const inner = new Scope(scope);
    inner.set(callerKey, caller);
    return evaluate(this, { ...statement.call, callee, args: { ...args, named } }, inner);
  }

  private procedure(name: string, procedure: Procedure, scope: Scope): Callable {
    return new Callable(name, (args) => this.budget.deeper(() => this.invoke(name, procedure, args, scope)));
  }

  private invoke(name: string, procedure: Procedure, args: Arguments, scope: Scope): string {
    const inner = new Scope(scope);
    const line = this.line;
    this.passArguments(name, procedure, args, inner);
    const output = new Output(this.budget);
    this.run(procedure.body, inner, output);
    this.line = line;
    return output.toString();
  }

  private passArguments(name: string, { parameters, reads }: Procedure, args: Arguments, scope: Scope): void {
    const named = new Map(args.named);
    for (const [index, parameter] of parameters.entries()) {
      const passed = args.positional[index];
      if (passed !== undefined && named.has(parameter.name))
        throw new TemplateError(`macro '${name}' got its argument '${parameter.name}' twice`);
      const given = passed === undefined ? named.get(parameter.name) : passed;
      named.delete(parameter.name);
      scope.set(parameter.name, given === undefined ? this.fallback(parameter, scope) : given);
    }
    this.passSpecial(name, args.positional.slice(parameters.length), named, reads, scope);
  }

  private fallback({ name, fallback }: Procedure["parameters"][number], scope: Scope): Value {
    return fallback ? evaluate(this, fallback, scope) : new Undefined(`parameter '${name}' was not provided`);
  }

  /** `caller`, `kwargs` and `varargs`, where the macro reads them. */
  private passSpecial(
    name: string,
    positional: Arguments["positional"],
    named: Map<string, Value>,
    reads: ReadonlySet<string>,
    scope: Scope,
  ): void {
    if (reads.has("caller")) {
      scope.set("caller", orElse(named.get("caller"), new Undefined("No caller defined")));
      named.delete("caller");
    }
    if (reads.has("kwargs")) scope.set("kwargs", new Dict(named));
    else if (named.size > 0)
      throw new TemplateError(`macro '${name}' takes no keyword argument '${[...named.keys()][0]}'`);
    if (reads.has("varargs")) scope.set("varargs", new Tuple(positional));
    else if (positional.length > 0) throw new TemplateError(`macro '${name}' takes fewer arguments`);
  }
}

/** No template can write this name. */
const callerKey = " caller";
