import { type Dict, type List, Thing, Tuple, type Value } from "./value.js";

/** The values that functions, methods and filters give, and that have no literal. */

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
