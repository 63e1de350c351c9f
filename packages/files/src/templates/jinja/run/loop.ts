import { TemplateError } from "../template-error.js";
import { areEqual } from "../values/compare.js";
import { Callable, type List, orElse, Thing, Tuple, Undefined, type Value } from "../values/value.js";
import type { Runtime } from "./runtime.js";

/** A loop's items, with as much looked ahead as `loop` is asked for, and what `loop` tells. */
export class Loop extends Thing {
  readonly type = "LoopContext";
  private readonly runtime: Runtime;
  private readonly items: Iterator<Value>;
  private readonly ahead: Value[] = [];
  private readonly recursion: Callable | undefined;
  private readonly depth: number;
  private previous: Value | undefined;
  private current: Value | undefined;
  private index = -1;
  private changed: List | undefined;

  /** @param again renders the same loop over other items, where the loop is recursive */
  constructor(runtime: Runtime, items: Iterator<Value>, depth: number, again?: Callable) {
    super();
    this.runtime = runtime;
    this.items = items;
    this.depth = depth;
    this.recursion = again;
  }

  get again(): Callable | undefined {
    return this.recursion;
  }

  /** Moves on. @returns the next item, or nothing at the end */
  next(): Value | undefined {
    this.runtime.budget.spend();
    const item = this.peek();
    if (item === undefined) return undefined;
    this.ahead.shift();
    this.previous = this.current;
    this.current = item;
    this.index++;
    return item;
  }

  override attribute(name: string): Value | undefined {
    switch (name) {
      case "index":
        return this.index + 1;
      case "index0":
        return this.index;
      case "first":
        return this.index === 0;
      case "last":
        return this.peek() === undefined;
      case "length":
        return this.length();
      case "revindex":
        return this.length() - this.index;
      case "revindex0":
        return this.length() - this.index - 1;
      case "previtem":
        return orElse(this.previous, new Undefined("there is no previous item"));
      case "nextitem":
        return orElse(this.peek(), new Undefined("there is no next item"));
      case "depth":
        return this.depth + 1;
      case "depth0":
        return this.depth;
      case "cycle":
        return new Callable("cycle", ({ positional }) => this.cycle(positional));
      case "changed":
        return new Callable("changed", ({ positional }) => this.hasChanged(positional));
      default:
        return undefined;
    }
  }

  private peek(): Value | undefined {
    if (this.ahead.length === 0) this.fetch();
    return this.ahead[0];
  }

  private fetch(): boolean {
    const { done, value } = this.items.next();
    if (!done) this.ahead.push(value);
    return !done;
  }

  private length(): number {
    while (this.fetch()) this.runtime.budget.spend();
    return this.index + 1 + this.ahead.length;
  }

  private cycle(values: List): Value {
    if (values.length === 0) throw new TemplateError("no items for cycling given");
    return values[this.index % values.length]!;
  }

  private hasChanged(values: List): boolean {
    const before = this.changed;
    this.changed = values;
    return before === undefined || !areEqual(this.runtime, new Tuple(before), new Tuple(values));
  }
}
