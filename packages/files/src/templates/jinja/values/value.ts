import type { Arguments } from "../run/arguments.js";
import type { Dict } from "./dict.js";

/**
 * What a template computes with, with the distinctions that Python makes. A number is an integer; what JSON writes as
 * 1.0 reaches JavaScript as 1 and is one too. Lists are arrays: a template can't change them.
 */
export type Value = null | boolean | number | string | Float | List | Tuple | Dict | Thing;

export type List = readonly Value[];

export class Float {
  readonly value: number;

  constructor(value: number) {
    this.value = value;
  }
}

export class Tuple {
  readonly items: List;

  constructor(items: List) {
    this.items = items;
  }
}

/** A value that has no literal. */
export abstract class Thing {
  /** Python's name of the type, for messages. */
  abstract readonly type: string;

  /** What a template reads as `thing.name`, or nothing where there is no such attribute. */
  attribute(_name: string): Value | undefined {
    return undefined;
  }
}

/** What a template has no value for. It prints as nothing and holds nothing; most else is an error. */
export class Undefined extends Thing {
  readonly type = "Undefined";
  readonly reason: string;

  constructor(reason: string) {
    super();
    this.reason = reason;
  }
}

/** A function, a method or a macro. */
export class Callable extends Thing {
  readonly type = "function";
  readonly name: string;
  readonly call: (args: Arguments) => Value;

  constructor(name: string, call: (args: Arguments) => Value) {
    super();
    this.name = name;
    this.call = call;
  }
}

export class Range extends Thing {
  readonly type = "range";
  readonly start: number;
  readonly stop: number;
  readonly step: number;

  constructor(start: number, stop: number, step: number) {
    super();
    this.start = start;
    this.stop = stop;
    this.step = step;
  }

  get length(): number {
    return Math.max(0, Math.ceil((this.stop - this.start) / this.step));
  }

  at(index: number): number {
    return this.start + index * this.step;
  }

  toList(): List {
    return Array.from({ length: this.length }, (_, index) => this.at(index));
  }
}

/** `keys()`, `values()` or `items()` of a dict. */
export class View extends Thing {
  readonly type: "dict_keys" | "dict_values" | "dict_items";
  readonly dict: Dict;

  constructor(type: View["type"], dict: Dict) {
    super();
    this.type = type;
    this.dict = dict;
  }

  toList(): List {
    if (this.type === "dict_keys") return this.dict.keys();
    if (this.type === "dict_values") return this.dict.values();
    return this.dict.entries().map((pair) => new Tuple(pair));
  }
}

/** What many filters give: items one by one, once. It is true even where nothing comes. */
export class Lazy extends Thing {
  readonly type = "generator";
  readonly items: IterableIterator<Value>;

  constructor(items: IterableIterator<Value>) {
    super();
    this.items = items;
  }
}

/** The one thing that a template may write into. */
export class Namespace extends Thing {
  readonly type = "Namespace";
  readonly values: Map<string, Value>;

  constructor(values: Map<string, Value>) {
    super();
    this.values = values;
  }

  override attribute(name: string): Value | undefined {
    return this.values.get(name);
  }
}

/** Text marked as HTML. Without automatic escaping it prints as it is; joined by + it would escape the other side. */
export class Markup extends Thing {
  readonly type = "Markup";
  readonly text: string;

  constructor(text: string) {
    super();
    this.text = text;
  }
}

/** A pair of `groupby`. */
export class Group extends Tuple {
  get grouper(): Value {
    return this.items[0]!;
  }

  get list(): Value {
    return this.items[1]!;
  }
}

/** Null is a value: `??` would lose it. */
export function orElse(value: Value | undefined, fallback: Value): Value {
  return value === undefined ? fallback : value;
}

export function isList(value: Value): value is List {
  return Array.isArray(value);
}

/** An integer as Python counts them: True is 1. */
export function asInteger(value: Value): number | undefined {
  if (typeof value === "boolean") return value ? 1 : 0;
  return typeof value === "number" ? value : undefined;
}

export function asNumber(value: Value): number | undefined {
  return value instanceof Float ? value.value : asInteger(value);
}

/** Python's name of a value's type. */
export function typeName(value: Value): string {
  if (value === null) return "NoneType";
  if (typeof value === "boolean") return "bool";
  if (typeof value === "number") return "int";
  if (typeof value === "string") return "str";
  if (value instanceof Float) return "float";
  if (value instanceof Tuple) return "tuple";
  if (value instanceof Thing) return value.type;
  return isList(value) ? "list" : "dict";
}
