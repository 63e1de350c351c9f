import type { Runtime } from "../run/runtime.js";
import { TemplateError } from "../template-error.js";
import { isLess } from "./compare.js";
import { formatFloat } from "./print.js";
import { Dict, Float, isList, type List, Tuple, typeName, type Value } from "./value.js";

export interface JsonLayout {
  readonly ascii: boolean;
  readonly indent: string | undefined;
  readonly separators: readonly [string, string];
  readonly sorted: boolean;
}

/** A value as Python's `json.dumps` writes it. @throws TemplateError for what JSON has no form of */
export function writeJson(runtime: Runtime, value: Value, layout: JsonLayout): string {
  return new JsonWriter(runtime, layout).write(value, "\n");
}

class JsonWriter {
  private readonly runtime: Runtime;
  private readonly layout: JsonLayout;

  constructor(runtime: Runtime, layout: JsonLayout) {
    this.runtime = runtime;
    this.layout = layout;
  }

  /** @param margin the line end and what every line of this value begins with */
  write(value: Value, margin: string): string {
    this.runtime.budget.spend();
    if (value === null || typeof value === "boolean" || typeof value === "number") return String(value);
    if (typeof value === "string") return this.text(value);
    if (value instanceof Float) return floatText(value.value);
    if (isList(value)) return this.list(value, margin);
    if (value instanceof Tuple) return this.list(value.items, margin);
    if (value instanceof Dict) return this.dict(value, margin);
    throw new TemplateError(`an object of type ${typeName(value)} has no form in JSON`);
  }

  private list(items: List, margin: string): string {
    return this.enclose("[]", items, margin, (item, inner) => this.write(item, inner));
  }

  private dict(dict: Dict, margin: string): string {
    const entries = dict.entries();
    if (this.layout.sorted)
      entries.sort(([a], [b]) => (isLess(this.runtime, a, b) ? -1 : Number(isLess(this.runtime, b, a))));
    return this.enclose("{}", entries, margin, ([key, value], inner) => {
      const name = typeof key === "string" ? key : this.keyText(key);
      return this.text(name) + this.layout.separators[1] + this.write(value, inner);
    });
  }

  private keyText(key: Value): string {
    if (key === null || ["boolean", "number"].includes(typeof key)) return String(key);
    if (key instanceof Float) return floatText(key.value);
    throw new TemplateError(`keys of JSON must be texts, not ${typeName(key)}`);
  }

  private enclose<T>(
    brackets: string,
    items: readonly T[],
    margin: string,
    write: (item: T, margin: string) => string,
  ) {
    if (items.length === 0) return brackets;
    const { indent, separators } = this.layout;
    const inner = indent === undefined ? margin : margin + indent;
    const [before, between, after] =
      indent === undefined ? ["", separators[0], ""] : [inner, separators[0] + inner, margin];
    let text = brackets[0]! + before;
    for (const [index, item] of items.entries()) {
      text += (index > 0 ? between : "") + write(item, inner);
      this.runtime.budget.checkText(text.length);
    }
    return text + after + brackets[1]!;
  }

  private text(text: string): string {
    this.runtime.budget.spendText(text.length);
    const escaped = text.replace(escapedPattern, (character) => short[character] ?? codeOf(character));
    if (!this.layout.ascii) return `"${escaped}"`;
    const isStandIn = (character: string) => this.runtime.standIns.has(character);
    return `"${escaped.replace(/[\x7f-\uffff]/g, (unit) => (isStandIn(unit) ? unit : codeOf(unit)))}"`;
  }
}

/** Control characters up to U+001F are escaped, those from U+007F on are not. */
const escapedPattern = /["\\]|[^\P{Cc}\x7f-\x9f]/gu;
const short: Readonly<Record<string, string>> = {
  '"': '\\"',
  "\\": "\\\\",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
};

function codeOf(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

function floatText(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "Infinity" : "-Infinity";
  return formatFloat(value);
}
