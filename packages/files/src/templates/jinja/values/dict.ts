import { TemplateError } from "../template-error.js";
import { expectUnmarked } from "./usable.js";
import {
  Callable,
  Float,
  isList,
  type List,
  Range,
  Tuple,
  typeName,
  Undefined,
  type Value,
} from "./value.js";

type Key = string | number | null | object;

/** A mapping in the order of insertion, whose keys are equal where Python's are: 1, 1.0 and True are one key. */
export class Dict {
  readonly #entries = new Map<Key, readonly [Value, Value]>();

  constructor(entries: Iterable<readonly [Value, Value]> = []) {
    for (const [key, value] of entries) {
      const hash = hashOf(key);
      this.#entries.set(hash, [this.#entries.get(hash)?.[0] ?? key, value]);
    }
  }

  get size(): number {
    return this.#entries.size;
  }

  /** @throws TemplateError where the key is a list or a dict */
  get(key: Value): Value | undefined {
    return this.#entries.get(hashOf(key))?.[1];
  }

  /** Adds a key that holds nothing. @returns whether it is new */
  add(key: Value): boolean {
    const hash = hashOf(key);
    if (this.#entries.has(hash)) return false;
    this.#entries.set(hash, [key, null]);
    return true;
  }

  keys(): List {
    return this.entries().map(([key]) => key);
  }

  values(): List {
    return this.entries().map(([, value]) => value);
  }

  entries(): (readonly [Value, Value])[] {
    return [...this.#entries.values()];
  }
}

/** A JavaScript key that is the same where two values are equal. */
function hashOf(value: Value): Key {
  if (value === null) return null;
  if (typeof value === "string") return `"${value}`;
  if (typeof value === "boolean") return value ? 1 : 0;
  if (typeof value === "number") return value;
  if (value instanceof Float) return value.value;
  expectUnmarked(value);
  if (value instanceof Undefined) return Undefined;
  if (value instanceof Callable || value instanceof Range) return value;
  if (value instanceof Tuple && value.items.length < 100)
    return `(${JSON.stringify(value.items.map((item) => describeKey(hashOf(item))))}`;
  throw new TemplateError(`unhashable type: '${isList(value) ? "list" : typeName(value)}'`);
}

function describeKey(key: Key): unknown {
  if (typeof key !== "object" || key === null) return key;
  throw new TemplateError("a function in the key of a dict is not read here");
}
