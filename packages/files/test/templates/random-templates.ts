import fc from "fast-check";

/** What the variables of a random template hold. */
export const templateVariables = {
  s: "  Héllo wörld\n",
  e: "",
  u: "a😀b é",
  q: 'it\'s "quoted"\\',
  i: 7,
  z: 0,
  m: -3,
  f: 1.5,
  t: true,
  n: null,
  l: [3, 1, 2],
  w: ["b", "A", "c", "a"],
  d: { role: "user", content: "hi", n: null, 'k"': [1, { x: "y" }] },
  messages: [
    { role: "system", content: "Be brief." },
    { role: "user", content: "  What's 2 < 3?\r\n" },
    {
      role: "assistant",
      content: "<think>\nhm\n</think>\n\nyes",
      tool_calls: [{ name: "f", arguments: { a: 1 } }],
    },
  ],
};

const text = (...values: string[]) => fc.constantFrom(...values);
const join = (parts: TemplateStringsArray, ...values: fc.Arbitrary<string>[]) =>
  fc
    .tuple(...values)
    .map((chosen) => parts.reduce((all, part, index) => all + part + (chosen[index] ?? ""), ""));

const literal = text(
  "'a'",
  "'b c'",
  "''",
  "'\\n'",
  "' x '",
  "'ÀB'",
  '"it\'s"',
  "'<a>'",
  "'aXbXc'",
  "'12'",
  "'-1.5'",
);

/** Expressions of a kind, mostly: now and then one of another, as people err. */
const { anything } = fc.letrec<
  Record<"anything" | "words" | "amount" | "truth" | "items" | "mapping", string>
>((tie) => {
  const words = tie("words");
  const amount = tie("amount");
  const truth = tie("truth");
  const items = tie("items");
  const mapping = tie("mapping");
  const any = tie("anything");
  const shallow = { maxDepth: 3, withCrossShrink: true };
  return {
    anything: fc.oneof(
      shallow,
      text("s", "n", "d", "l", "i", "f", "none", "undefined_name"),
      words,
      amount,
      truth,
      items,
      mapping,
      join`(${any} if ${truth} else ${any})`,
      join`(${any} if ${truth})`,
      join`(${any} or ${any})`,
      join`(${any} and ${any})`,
    ),
    words: fc.oneof(
      shallow,
      literal,
      text(
        "s",
        "e",
        "u",
        "q",
        "messages[0].content",
        "messages[1]['content']",
        "messages[-1].content",
        "d.role",
      ),
      join`(${words} + ${words})`,
      join`(${any} ~ ${any})`,
      join`${words}.${text("strip()", "upper()", "lower()", "title()", "capitalize()", "lstrip()", "rstrip()", "swapcase()", "casefold()", "zfill(5)", "center(9)", "ljust(6, '.')", "rjust(6)", "format(1, 'x')", "removeprefix('a')", "removesuffix('\\n')", "expandtabs()")}`,
      join`${words}.${text("strip", "lstrip", "rstrip")}(${text("'\\n'", "' \\n'", "'a'", "'xa '", "''", "none")})`,
      join`${words}.replace(${literal}, ${literal})`,
      join`${words}.replace(${literal}, ${literal}, ${text("0", "1", "-1")})`,
      join`(${words}|${text("trim", "upper", "lower", "title", "capitalize", "trim('a')", "reverse", "string", "indent", "indent(2, true)", "indent(1, blank=true)", "safe", "escape", "center(10)", "replace('a', 'b')", "e", "forceescape")})`,
      join`(${any}|tojson)`,
      join`(${any}|tojson(${text("indent=2", "ensure_ascii=true", "indent=4, sort_keys=true", "separators=(',', ':')")}))`,
      join`(${any}|string)`,
      join`(${items}|join(${literal}))`,
      join`${literal}.join(${items})`,
      join`${words}[${text("0", "-1", "1:", ":-1", "::-1", "::2", "5:1:-1", "99", "-2:")}]`,
      join`(${words} * ${text("0", "2", "-1")})`,
      join`('%s|%d|%5.2f' % (${any}, ${amount}, ${amount}))`,
      join`(${any}|default(${literal}))`,
      join`(${any}|default(${literal}, true))`,
    ),
    amount: fc.oneof(
      shallow,
      text("0", "1", "2", "-3", "1.5", "0.1", "2.0", "1e3", "i", "z", "m", "f", "t"),
      join`(${amount} ${text("+", "-", "*", "/", "//", "%", "**")} ${amount})`,
      join`-${amount}`,
      join`(${any}|length)`,
      join`(${any}|int)`,
      join`(${any}|float)`,
      join`(${amount}|${text("abs", "round", "round(1)", "round(1, 'floor')", "round(2, 'ceil')")})`,
      join`(${items}|${text("sum", "min", "max", "count")})`,
      join`${words}.${text("find('a')", "count('a')", "rfind('b')", "index('a')", "find('')", "count('')")}`,
      join`(${words}|wordcount)`,
    ),
    truth: fc.oneof(
      shallow,
      text("true", "false", "t", "True"),
      join`(${any} ${text("==", "!=")} ${any})`,
      join`(${amount} ${text("<", "<=", ">", ">=")} ${amount})`,
      join`(${amount} < ${amount} <= ${amount})`,
      join`(${words} ${text("<", ">=")} ${words})`,
      join`(not ${any})`,
      join`(${words} ${text("in", "not in")} ${words})`,
      join`(${any} ${text("in", "not in")} ${items})`,
      join`(${words} in ${mapping})`,
      join`(${any} is ${text("defined", "undefined", "none", "not none", "string", "number", "integer", "float", "boolean", "mapping", "iterable", "sequence", "true", "false", "callable", "lower", "upper", "escaped", "sameas none", "sameas(true)", "eq 1", "in [1, 'a']", "not in ['a']")})`,
      join`(${amount} is ${text("odd", "even", "divisibleby 2", "divisibleby(3)", "gt 1", "lessthan 2", "ge(1)")})`,
      join`${words}.${text("startswith('a')", "endswith('\\n')", "startswith(('x', 'a'))", "isdigit()", "isalpha()", "isspace()", "isupper()", "islower()", "isalnum()", "startswith('l', 3)")}`,
    ),
    items: fc.oneof(
      shallow,
      text(
        "l",
        "w",
        "messages",
        "[]",
        "[1, 'a', none]",
        "(1, 2)",
        "range(4)",
        "d.keys()",
        "d.items()",
        "d.values()",
      ),
      join`[${any}, ${any}]`,
      join`(${any},)`,
      join`(${items} + ${items})`,
      join`(${items}|${text("list", "sort", "sort(reverse=true)", "reverse|list", "unique|list", "map('upper')|list", "map('string')|list", "select|list", "reject('none')|list", "select('string')|list", "batch(2)|list", "batch(2, 0)|list", "slice(2)|list", "slice(3, none)|list", "sort(case_sensitive=true)")})`,
      join`(messages|${text("map(attribute='role')|list", "selectattr('role', 'equalto', 'user')|list", "rejectattr('tool_calls', 'defined')|list", "selectattr('tool_calls')|list", "groupby('role')", "sort(attribute='role')", "map(attribute='x', default='-')|list", "selectattr('role', 'in', ['user'])|map(attribute='content')|list")})`,
      join`(${mapping}|${text("dictsort", "items|list", "list", "dictsort(reverse=true)")})`,
      join`${words}.${text("split()", "split('a')", "split(' ', 1)", "rsplit(' ', 1)", "splitlines()", "partition(' ')", "rpartition('a')", "split(none, 1)", "rsplit(none, 1)", "split('\\n')", "splitlines(true)")}`,
      join`${items}[${text("1:", ":-1", "::-1", "::2", "-2:")}]`,
      join`(${items} * 2)`,
    ),
    mapping: fc.oneof(
      shallow,
      text(
        "d",
        "messages[0]",
        "{}",
        "{'a': 1, 'b': none}",
        "{1: 'x', true: 'y', 1.0: 'z'}",
        "dict(a=1, b='c')",
      ),
      join`{'k': ${any}, ${words}: ${any}}`,
    ),
  };
});

const name = text("a", "b", "ns.a");
const dash = text("", "-", "+", "");
const endDash = text("", "-", "");
const open = (tag: string) => join`{%${dash} ${text(tag)} ${endDash}%}`;
const white = text("", " ", "\n", "  ", "\n  ", "\t", "x", "x\n", " y ", "\r\n", "{# c #}", "{#- c -#}\n");

/** Statements round such expressions. */
const statements = fc.letrec<{ body: string }>((tie) => {
  const body = tie("body");
  const test = anything;
  return {
    body: fc.oneof(
      { maxDepth: 3 },
      join`${white}{{${endDash} ${anything} ${endDash}}}${white}`,
      white,
      join`{%${dash} set ${name} = ${anything} ${endDash}%}${white}`,
      join`{%${dash} if ${test} ${endDash}%}${white}${body}${open("elif t")}${body}${white}${open("else")}${body}${open("endif")}${white}`,
      join`{%${dash} if ${test} ${endDash}%}${body}${open("endif")}`,
      join`{%${dash} for x in ${anything} ${endDash}%}${body}{{ ${text("loop.index", "loop.index0", "loop.first", "loop.last", "loop.length", "loop.revindex", "loop.previtem", "loop.nextitem", "loop.depth", "loop.cycle('a', 'b')", "loop.changed(x)", "x")} }}${white}${text("", "{% if loop.index == 2 %}{% break %}{% endif %}", "{% if x %}{% continue %}{% endif %}")}${body}${open("else")}${body}${open("endfor")}${white}`,
      join`{%${dash} for x in messages if ${test} ${endDash}%}{{ x.role }}${body}${open("endfor")}`,
      join`{% for k, v in ${text("d.items()", "d|items", "d|dictsort", "[(1, 2)]")} %}{{ k }}={{ v }}${body}${open("endfor")}`,
      join`{% set ns = namespace(a=${anything}) %}${body}`,
      join`{% set a %}${body}{%${dash} endset %}[{{ a }}]`,
      join`{% macro f(x, y=${anything}) ${endDash}%}${body}{{ x }}{{ y }}{% endmacro %}{{ f(${anything}) }}`,
      join`{% filter ${text("upper", "trim", "indent(2)")} %}${body}{% endfilter %}`,
      join`{% with a = ${anything} %}{{ a }}${body}{% endwith %}{{ a }}`,
      join`{% generation %}${body}{% endgeneration %}`,
      join`{% raw %}{{ x }}${white}{%${dash} endraw ${endDash}%}${white}`,
      join`{% macro g() %}${body}[{{ caller() }}]{% endmacro %}{% call g() %}${body}{% endcall %}`,
      join`${body}${body}`,
    ),
  };
});

export const randomTemplates: fc.Arbitrary<string> = fc.oneof(join`{{ ${anything} }}`, statements.body);
