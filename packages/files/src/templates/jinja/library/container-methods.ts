import { bind } from "../run/arguments.js";
import type { Operation, Runtime } from "../run/runtime.js";
import { notRead, TemplateError } from "../template-error.js";
import { areEqual } from "../values/compare.js";
import { View } from "../values/things.js";
import {
  type Arguments,
  asInteger,
  Callable,
  Dict,
  type List,
  orElse,
  Tuple,
  type Value,
} from "../values/value.js";

/** A method of a dict, a list or a tuple, or nothing where Python has none of this name. */
export function containerMethod(
  runtime: Runtime,
  subject: Dict | List | Tuple,
  name: string,
): Value | undefined {
  if (subject instanceof Dict) return method(runtime, subject, name, dictMethods, dictChanges, ["fromkeys"]);
  if (!(subject instanceof Tuple)) return method(runtime, subject, name, listMethods, listChanges, []);
  return name === "copy" ? undefined : method(runtime, subject.items, name, listMethods, [], []);
}

type Methods<Subject> = Readonly<Record<string, Operation<Subject>>>;

function method<Subject>(
  runtime: Runtime,
  subject: Subject,
  name: string,
  methods: Methods<Subject>,
  changes: readonly string[],
  unread: readonly string[],
): Value | undefined {
  if (changes.includes(name))
    return new Callable(name, () => {
      throw new TemplateError(`${name}() would change a value, which the sandbox of chat templates forbids`);
    });
  if (unread.includes(name)) throw notRead(`the method ${name}()`);
  const operation = Object.hasOwn(methods, name) ? methods[name] : undefined;
  return operation && new Callable(name, (args) => operation(runtime, subject, args));
}

const dictChanges = ["clear", "pop", "popitem", "setdefault", "update"];
const dictMethods: Methods<Dict> = {
  get: (_, dict, args) => {
    const [key, fallback = null] = bind(args, "get", ["key/", "default/"], 1);
    return orElse(dict.get(key!), fallback);
  },
  keys: (_, dict, args) => view("dict_keys", dict, args),
  values: (_, dict, args) => view("dict_values", dict, args),
  items: (_, dict, args) => view("dict_items", dict, args),
  copy: (_, dict, args) => {
    bind(args, "copy", []);
    return dict;
  },
};

function view(type: View["type"], dict: Dict, args: Arguments): View {
  bind(args, type, []);
  return new View(type, dict);
}

const listChanges = ["append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort"];
const listMethods: Methods<List> = {
  index: (runtime, list, args) => {
    const [item, start = 0, stop = list.length] = bind(args, "index", ["value/", "start/", "stop/"], 1);
    const [from, to] = [fromEnd(list, start), fromEnd(list, stop)];
    const found = list.findIndex((member, at) => at >= from && at < to && areEqual(runtime, member, item!));
    if (found < 0) throw new TemplateError("the item is not in the list");
    return found;
  },
  count: (runtime, list, args) => {
    const [item] = bind(args, "count", ["value/"], 1);
    return list.filter((member) => areEqual(runtime, member, item!)).length;
  },
  copy: (_, list, args) => {
    bind(args, "copy", []);
    return list;
  },
};

function fromEnd(list: List, bound: Value): number {
  const index = asInteger(bound);
  if (index === undefined) throw new TemplateError("a bound of index() must be an integer");
  return index < 0 ? Math.max(0, index + list.length) : index;
}
