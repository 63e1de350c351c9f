import { bind } from "../run/arguments.js";
import type { Operation, Runtime } from "../run/runtime.js";
import { notRead, TemplateError } from "../template-error.js";
import { formatBraces } from "../values/format-braces.js";
import { charactersOf, collect } from "../values/iterate.js";
import { asInteger, Callable, Tuple, typeName, type Value } from "../values/value.js";
import {
  capitalize,
  isCased,
  splitLines,
  splitText,
  splitWhite,
  stripText,
  swapCase,
  titleCase,
} from "./text.js";
import { textKinds } from "./text-kinds.js";

/** A method of a text, made as Python makes it. */
export function textMethod(runtime: Runtime, text: string, name: string): Callable {
  const operation = textMethods[name];
  if (!operation) throw notRead(`the method ${name}() of a text`);
  return new Callable(name, (args) => {
    runtime.budget.spendText(text.length);
    const result = operation(runtime, text, args);
    if (typeof result === "string") runtime.budget.spendText(result.length);
    return result;
  });
}

/** Whether a text of Python's has a method of this name, read here or not. */
export function isTextMethod(name: string): boolean {
  return Object.hasOwn(textMethods, name) || unread.includes(name);
}

const unread = ["encode", "expandtabs", "format_map", "istitle", "maketrans", "translate"];

type TextOperation = Operation<string>;

const plain =
  (name: string, change: (text: string) => Value): TextOperation =>
  (_, text, args) => {
    bind(args, name, []);
    return change(text);
  };

const textMethods: Readonly<Record<string, TextOperation | undefined>> = {
  upper: plain("upper", (text) => text.toUpperCase()),
  lower: plain("lower", (text) => text.toLowerCase()),
  casefold: plain("casefold", (text) => text.toLowerCase().replaceAll("ß", "ss").replaceAll("ς", "σ")),
  capitalize: plain("capitalize", capitalize),
  title: plain("title", titleCase),
  swapcase: plain("swapcase", swapCase),
  islower: plain("islower", (text) => isCased(text, "lower")),
  isupper: plain("isupper", (text) => isCased(text, "upper")),
  ...Object.fromEntries(Object.entries(textKinds).map(([name, isKind]) => [name, plain(name, isKind)])),
  strip: stripping("strip", true, true),
  lstrip: stripping("lstrip", true, false),
  rstrip: stripping("rstrip", false, true),
  split: splitting("split", false),
  rsplit: splitting("rsplit", true),
  splitlines: (_, text, args) => {
    const [keep = false] = bind(args, "splitlines", ["keepends"]);
    return splitLines(text, Boolean(keep));
  },
  partition: partitioning("partition", (text, separator) => text.indexOf(separator)),
  rpartition: partitioning("rpartition", (text, separator) => text.lastIndexOf(separator)),
  replace: (runtime, text, args) => {
    const [old, fresh, count = -1] = bind(args, "replace", ["old/", "new/", "count"], 2);
    return replaceText(runtime, text, asText(old!, "replace"), asText(fresh!, "replace"), asCount(count));
  },
  removeprefix: (_, text, args) => {
    const prefix = asText(bind(args, "removeprefix", ["prefix/"], 1)[0]!, "removeprefix");
    return text.startsWith(prefix) ? text.slice(prefix.length) : text;
  },
  removesuffix: (_, text, args) => {
    const suffix = asText(bind(args, "removesuffix", ["suffix/"], 1)[0]!, "removesuffix");
    return suffix !== "" && text.endsWith(suffix) ? text.slice(0, -suffix.length) : text;
  },
  startswith: edge("startswith", (text, part) => text.startsWith(part)),
  endswith: edge("endswith", (text, part) => text.endsWith(part)),
  find: searching("find", (text, part) => text.indexOf(part), false),
  rfind: searching("rfind", (text, part) => text.lastIndexOf(part), false),
  index: searching("index", (text, part) => text.indexOf(part), true),
  rindex: searching("rindex", (text, part) => text.lastIndexOf(part), true),
  count: (runtime, text, args) => {
    const [part, start, stop] = bind(args, "count", ["sub/", "start/", "end/"], 1);
    const { section, length } = sectionOf(runtime, text, start, stop);
    const sought = asText(part!, "count");
    return sought === "" ? length + 1 : section.split(sought).length - 1;
  },
  join: (runtime, text, args) => {
    const [items] = bind(args, "join", ["iterable/"], 1);
    const texts = collect(runtime, items!).map((item) => asText(item, "join"));
    runtime.budget.spendText(texts.reduce((sum, item) => sum + item.length + text.length, 0));
    return texts.join(text);
  },
  format: (runtime, text, args) => formatBraces(runtime, text, args),
  center: padding("center", (missing, width) => Math.floor(missing / 2) + (missing & width & 1)),
  ljust: padding("ljust", () => 0),
  rjust: padding("rjust", (missing) => missing),
  zfill: (runtime, text, args) => {
    const width = asCount(bind(args, "zfill", ["width/"], 1)[0]!);
    const missing = Math.max(0, width - charactersOf(runtime, text).length);
    runtime.budget.spendText(missing);
    const sign = /^[-+]/.exec(text)?.[0] ?? "";
    return sign + "0".repeat(missing) + text.slice(sign.length);
  },
};

function asText(value: Value, callee: string): string {
  if (typeof value === "string") return value;
  throw new TemplateError(`${callee}() needs a text, not ${typeName(value)}`);
}

function asCount(value: Value): number {
  const count = asInteger(value);
  if (count === undefined)
    throw new TemplateError(`'${typeName(value)}' object cannot be read as an integer`);
  return count;
}

function stripping(name: string, start: boolean, end: boolean): TextOperation {
  return (runtime, text, args) => {
    const [characters = null] = bind(args, name, ["chars/"]);
    const set = characters === null ? undefined : new Set(charactersOf(runtime, asText(characters, name)));
    return stripText(text, set, start, end);
  };
}

function splitting(name: string, fromEnd: boolean): TextOperation {
  return (runtime, text, args) => {
    const [separator = null, most = -1] = bind(args, name, ["sep", "maxsplit"]);
    const limit = asCount(most);
    const parts =
      separator === null
        ? splitWhite(text, limit, fromEnd)
        : splitText(text, asText(separator, name), limit, fromEnd);
    runtime.budget.spend(parts.length);
    return parts;
  };
}

function partitioning(name: string, find: (text: string, separator: string) => number): TextOperation {
  return (_, text, args) => {
    const separator = asText(bind(args, name, ["sep/"], 1)[0]!, name);
    if (separator === "") throw new TemplateError("empty separator");
    const at = find(text, separator);
    if (at < 0) return new Tuple(name === "partition" ? [text, "", ""] : ["", "", text]);
    return new Tuple([text.slice(0, at), separator, text.slice(at + separator.length)]);
  };
}

/** Replaces the first `count` occurrences, or all where it is negative. */
export function replaceText(
  runtime: Runtime,
  text: string,
  old: string,
  fresh: string,
  count: number,
): string {
  if (old === "") return interleave(runtime, text, fresh, count);
  const parts = text.split(old);
  const replaced = count < 0 ? parts.length - 1 : Math.min(count, parts.length - 1);
  runtime.budget.spendText(text.length + replaced * Math.max(0, fresh.length - old.length));
  return (
    parts.slice(0, replaced + 1).join(fresh) +
    parts
      .slice(replaced + 1)
      .map((part) => old + part)
      .join("")
  );
}

/** An empty text occurs before every character and at the end. */
function interleave(runtime: Runtime, text: string, fresh: string, count: number): string {
  const characters = [...charactersOf(runtime, text)];
  const times = count < 0 ? characters.length + 1 : count;
  runtime.budget.spendText(text.length + Math.min(times, characters.length + 1) * fresh.length);
  const woven = characters.map((character, index) => (index < times ? fresh : "") + character).join("");
  return woven + (characters.length < times ? fresh : "");
}

function edge(name: string, holds: (text: string, part: string) => boolean): TextOperation {
  return (runtime, text, args) => {
    const [parts, start, stop] = bind(args, name, [`${name}/`, "start/", "end/"], 1);
    const { section, isPast } = sectionOf(runtime, text, start, stop);
    const all = parts instanceof Tuple ? parts.items : [parts!];
    return all.some((part) => holds(section, asText(part, name)) && !isPast);
  };
}

function searching(name: string, find: (text: string, part: string) => number, must: boolean): TextOperation {
  return (runtime, text, args) => {
    const [part, start, stop] = bind(args, name, ["sub/", "start/", "end/"], 1);
    const { section, offset, isPast } = sectionOf(runtime, text, start, stop);
    const at = isPast ? -1 : find(section, asText(part!, name));
    if (at < 0 && must) throw new TemplateError("substring not found");
    return at < 0 ? -1 : offset + charactersOf(runtime, section.slice(0, at)).length;
  };
}

interface Section {
  readonly section: string;
  /** Characters before it. */
  readonly offset: number;
  /** Characters in it. */
  readonly length: number;
  /** It begins behind the text's end, where not even an empty text is found. */
  readonly isPast: boolean;
}

function sectionOf(runtime: Runtime, text: string, start: Value = null, stop: Value = null): Section {
  const characters = charactersOf(runtime, text);
  const bound = (value: Value, absent: number) => {
    const index = value === null ? absent : asCount(value);
    return index < 0 ? Math.max(0, index + characters.length) : index;
  };
  const [from, to] = [bound(start, 0), bound(stop, characters.length)];
  const part = characters.slice(from, Math.max(from, to));
  const section = typeof part === "string" ? part : part.join("");
  return { section, offset: from, length: part.length, isPast: from > characters.length || from > to };
}

function padding(name: string, before: (missing: number, width: number) => number): TextOperation {
  return (runtime, text, args) => {
    const [width, fill = " "] = bind(args, name, ["width/", "fillchar/"], 1);
    const wanted = asCount(width!);
    const missing = Math.max(0, wanted - charactersOf(runtime, text).length);
    const character = asText(fill, name);
    if (charactersOf(runtime, character).length !== 1)
      throw new TemplateError("the fill character must be exactly one character long");
    runtime.budget.spendText(missing * character.length);
    const left = before(missing, wanted);
    return character.repeat(left) + text + character.repeat(missing - left);
  };
}
