import { notRead, TemplateError } from "../template-error.js";

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

/** What a call passes. */
export interface Arguments {
  readonly positional: List;
  readonly named: ReadonlyMap<string, Value>;
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

type Key = string | number | null | object;

/** A mapping in the order of insertion, whose keys are equal where Python's are: 1, 1.0 and True are one key. */
export class Dict {
  private readonly pairs = new Map<Key, readonly [Value, Value]>();

  constructor(entries: Iterable<readonly [Value, Value]> = []) {
    for (const [key, value] of entries) {
      const hash = hashOf(key);
      this.pairs.set(hash, [this.pairs.get(hash)?.[0] ?? key, value]);
    }
  }

  get size(): number {
    return this.pairs.size;
  }

  /** @throws TemplateError where the key is a list or a dict */
  get(key: Value): Value | undefined {
    return this.pairs.get(hashOf(key))?.[1];
  }

  /** Adds a key that holds nothing. @returns whether it is new */
  add(key: Value): boolean {
    const hash = hashOf(key);
    if (this.pairs.has(hash)) return false;
    this.pairs.set(hash, [key, null]);
    return true;
  }

  keys(): List {
    return this.entries().map(([key]) => key);
  }

  values(): List {
    return this.entries().map(([, value]) => value);
  }

  entries(): (readonly [Value, Value])[] {
    return [...this.pairs.values()];
  }
}

/** A JavaScript key that is the same where two values are equal. */
function hashOf(value: Value): Key {
  if (value === null) return null;
  if (typeof value === "string") return `"${value}`;
  if (typeof value === "boolean") return value ? 1 : 0;
  if (typeof value === "number") return value;
  if (value instanceof Float) return value.value;
  if (value instanceof Undefined) return "?";
  if (value instanceof Callable) return value;
  if (value instanceof Tuple) return hashOfTuple(value);
  if (value instanceof Thing) throw notRead(`a ${value.type} in the key of a dict`);
  throw new TemplateError(`unhashable type: '${isList(value) ? "list" : typeName(value)}'`);
}

function hashOfTuple({ items }: Tuple): string {
  const hashes = items.map(hashOf);
  if (hashes.some((hash) => typeof hash === "object" && hash !== null))
    throw notRead("a function in the key of a dict");
  const written = `(${JSON.stringify(hashes)}`;
  if (written.length > longestKey) throw notRead("so long a key of a dict");
  return written;
}

/** Tuples that hold themselves twice double at every level. */
const longestKey = 10_000;

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
