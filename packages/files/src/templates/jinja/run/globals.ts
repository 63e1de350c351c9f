import { strftime } from "../library/strftime.js";
import { notRead, Refusal, TemplateError } from "../template-error.js";
import { collect, iterate } from "../values/iterate.js";
import { toText } from "../values/print.js";
import { Namespace, Range } from "../values/things.js";
import { type Arguments, asInteger, Callable, Dict, typeName, type Value } from "../values/value.js";
import { bind } from "./arguments.js";
import { usualBounds } from "./budget.js";
import type { Runtime } from "./runtime.js";

type Global = (runtime: Runtime, args: Arguments) => Value;

const globals: Readonly<Record<string, Global>> = {
  range: (_, args) => makeRange(args),
  dict: (runtime, args) => new Dict(pairsOf(runtime, args, "dict")),
  namespace: (runtime, args) =>
    new Namespace(
      new Map(
        Array.from(pairsOf(runtime, args, "namespace"), ([key, value]) => [toText(runtime, key), value]),
      ),
    ),
  raise_exception: (runtime, args) => {
    throw new Refusal(toText(runtime, bind(args, "raise_exception", ["message"], 1)[0]!));
  },
  strftime_now: (runtime, args) => {
    const [form] = bind(args, "strftime_now", ["format"], 1);
    if (typeof form !== "string") throw new TemplateError("strftime_now needs a text");
    return strftime(runtime.now, form);
  },
};

/** Jinja's own functions that are not read here. */
const unread = ["cycler", "joiner", "lipsum"];

/** What a name means where no variable has it, or nothing. @throws TemplateError for a function that is not read */
export function findGlobal(runtime: Runtime, name: string): Value | undefined {
  if (unread.includes(name)) throw notRead(`the function ${name}()`);
  const call = Object.hasOwn(globals, name) ? globals[name] : undefined;
  return call && new Callable(name, (args) => call(runtime, args));
}

function makeRange(args: Arguments): Range {
  const passed = bind(args, "range", ["start/", "stop/", "step/"], 1);
  const bounds = passed.filter((bound) => bound !== undefined).map((bound) => asInteger(bound));
  if (!bounds.every((bound) => bound !== undefined)) throw new TemplateError("range() needs integers");
  const [start, stop, step = 1] = bounds.length === 1 ? [0, bounds[0]!] : [bounds[0]!, bounds[1]!, bounds[2]];
  if (step === 0) throw new TemplateError("range() arg 3 must not be zero");
  const range = new Range(start, stop, step);
  if (range.length <= usualBounds.range) return range;
  throw new TemplateError(
    `a range of more than ${usualBounds.range.toLocaleString("en-US")} items is past the bound`,
  );
}

/** Of a mapping or a list of pairs, then of the named arguments. */
function* pairsOf(
  runtime: Runtime,
  { positional, named }: Arguments,
  callee: string,
): Iterable<[Value, Value]> {
  const [source, ...more] = positional;
  if (more.length > 0)
    throw new TemplateError(`${callee} expected at most 1 argument, got ${positional.length}`);
  if (source instanceof Dict) for (const [key, value] of source.entries()) yield [key, value];
  else if (source !== undefined) for (const pair of iterate(runtime, source)) yield asPair(runtime, pair);
  yield* named;
}

function asPair(runtime: Runtime, pair: Value): [Value, Value] {
  const [key, value, ...more] = collect(runtime, pair);
  if (key !== undefined && value !== undefined && more.length === 0) return [key, value];
  throw new TemplateError(`expected a pair of key and value, not ${typeName(pair)}`);
}
