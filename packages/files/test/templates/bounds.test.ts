/** Templates that would run for ever, or eat all memory: each ends soon, in a sentence that names the bound. */

import fc from "fast-check";
import { expect, test } from "vitest";
import { renderChat } from "../../src/templates/chat-template.js";
import { randomTemplates, templateVariables } from "./random-templates.js";

const message = { role: "user", content: "hi" };
const doubling = (text: string, times: number) =>
  `{% set x = ${text} %}${"{% set x = x + x %}".repeat(times)}`;
const sharing = (inner: string, times: number) =>
  `{% set x = ${inner} %}${"{% set x = [x, x] %}".repeat(times)}`;

const steps = /more than 2,000,\d{3} steps, which is the bound/;
const textBound = /a text of more than 16,777,216 characters, which is the bound/;
const range = /a range of more than 100,000 items is past the bound/;
const calls = /more than 100 deep, which is the bound/;
const nesting = /levels of nesting/;

const hostile: [string, string, RegExp][] = [
  ["nested ranges", `${"{% for a in range(100000) %}".repeat(3)}${"{% endfor %}".repeat(3)}`, steps],
  ["a range of a milliard", "{% for a in range(1000000000) %}{% endfor %}", range],
  [
    "output without end",
    "{% for a in range(99999) %}{% for b in range(99999) %}{{ 'x' * 999 }}{% endfor %}{% endfor %}",
    textBound,
  ],
  ["a macro that calls itself", "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", calls],
  [
    "a macro that calls itself twice",
    "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(90) }}",
    steps,
  ],
  [
    "a caller that calls itself",
    "{% macro f() %}{% call f() %}{{ caller() }}{% endcall %}{{ caller }}{% endmacro %}{{ f() }}",
    calls,
  ],
  ["a recursive loop", "{% for a in [1] recursive %}{{ loop([1]) }}{% endfor %}", calls],
  ["doubling of a text", doubling("'ab'", 60), textBound],
  ["doubling of a list", doubling("[1]", 60), steps],
  ["doubling by ~", `{% set x = 'ab' %}${"{% set x = x ~ x %}".repeat(60)}`, textBound],
  ["a text times a milliard", "{{ 'x' * 1000000000 }}", textBound],
  ["a list times a milliard", "{{ ([0] * 1000000000)|length }}", steps],
  ["a printed list that holds itself twice, often", `${sharing("[1]", 60)}{{ x }}`, steps],
  ["such a list as JSON", `${sharing("[1]", 60)}{{ x|tojson }}`, steps],
  ["such lists compared", `${sharing("[1]", 60)}{% set y = x %}${sharing("[1]", 60)}{{ x == y }}`, steps],
  [
    "a tuple that holds itself twice, often, as a key",
    `{% set x = 1 %}${"{% set x = (x, x) %}".repeat(60)}{{ {x: 1} }}`,
    /so long a key/,
  ],
  ["such lists ordered", `${sharing("[1]", 60)}{% set y = x %}${sharing("[1]", 60)}{{ x < y }}`, steps],
  ["a join of much", "{{ range(99999)|join('x' * 9999) }}", textBound],
  ["a replacement that grows", "{% set x = 'a' * 99999 %}{{ x.replace('a', x) }}", textBound],
  ["a replacement of nothing", "{% set x = 'a' * 99999 %}{{ x.replace('', x) }}", textBound],
  ["a wide centre", "{{ 'a'.center(1000000000) }}", textBound],
  ["a wide format", "{{ '%1000000000d' % 1 }}", textBound],
  ["a wide form", "{{ '{:>1000000000}'.format('a') }}", textBound],
  ["a wide indent", "{{ 'a'|indent(1000000000) }}", textBound],
  ["HTML escaped over and over", `{% set x = '&' * 9999 %}{{ x${"|forceescape".repeat(20)} }}`, steps],
  ["JSON in JSON", `{% set x = '"' * 9999 %}{{ x${"|tojson".repeat(40)} }}`, textBound],
  ["a deep indent", "{% set x = 'a\n' * 99999 %}{{ x|indent(999) }}", textBound],
  ["JSON indented deep", `${sharing("1", 12)}{{ x|tojson(indent=999) }}`, textBound],
  [
    "lazy filters on each other",
    `{% set x = range(99999) %}${"{% set x = x|map('string') %}".repeat(9000)}{{ x|list|length }}`,
    /nests too deeply|steps/,
  ],
  ["brackets in brackets", `{{ ${"(".repeat(9999)}1${")".repeat(9999)} }}`, nesting],
  ["not not not", `{{ ${"not ".repeat(9999)}1 }}`, nesting],
  ["minus minus minus", `{{ ${"-".repeat(9999)}1 }}`, nesting],
  ["blocks in blocks", `${"{% if 1 %}".repeat(9999)}${"{% endif %}".repeat(9999)}`, nesting],
  ["a long sum", `{{ ${"1 + ".repeat(99999)}1 }}`, /nests too deeply/],
  ["a long chain of members", `{{ a${".b".repeat(99999)} }}`, /nests too deeply|undefined/],
  ["a long chain of filters", `{{ ''${"|trim".repeat(99999)} }}`, /nests too deeply/],
  ["an integer of a thousand digits", `{{ ${"9".repeat(1000)} }}`, /beyond 2\^53/],
  ["powers of powers", `{{ 9 ** 9 ** 9 ** 9 }}`, /beyond exact integers, is not read here/],
];

test.each(hostile)("%s", (_, template, bound) => {
  const render = () => renderChat(template, [message]);
  expect(render).toThrow(
    expect.objectContaining({ code: "bad-template", message: expect.stringMatching(bound) }),
  );
});

test("an empty list times a milliard is an empty list", () => {
  expect(renderChat("{{ ([] * 1000000000)|length }}", [])).toBe("0");
});

test("the sentence names the file and the line", () => {
  const template = { source: "a\n{{ 'x' * 1000000000 }}", from: "chat_template.jinja" };
  expect(() => renderChat(template, [])).toThrow(
    /\(chat_template\.jinja, line 2\): it makes a text of more than/,
  );
});

test("a chat of a thousand long messages is far from the bounds", () => {
  const template =
    "{% for m in messages %}<|{{ m.role }}|>{{ m.content | trim }}{% if not loop.last %}\n{% endif %}{% endfor %}";
  const messages = Array.from({ length: 1000 }, () => ({
    role: "user",
    content: ` ${"word ".repeat(1000)}`,
  }));
  expect(renderChat(template, messages).length).toBeGreaterThan(5_000_000);
});

test("a template may go through every character of a long message", () => {
  const template =
    "{% for m in messages %}{% for c in m.content %}{% if c['type'] == 'image' %}!{% endif %}{% endfor %}{% endfor %}.";
  expect(renderChat(template, [{ role: "user", content: "a word ".repeat(100_000) }])).toBe(".");
});

test("whatever a template is, it renders or is a bad template", () => {
  const { messages, ...variables } = templateVariables;
  const broken = fc.tuple(
    randomTemplates,
    fc.nat(),
    fc.nat(),
    fc.constantFrom("", "%}", "{{", "{%", "'", "(", "|", "#}"),
  );
  fc.assert(
    fc.property(broken, ([template, from, length, put]) => {
      const start = from % (template.length + 1);
      const source = template.slice(0, start) + put + template.slice(start + (length % 4));
      try {
        renderChat(source, messages, { variables });
      } catch (error) {
        expect(error).toMatchObject({ name: "FilesError", code: "bad-template" });
      }
    }),
    { seed: 5, numRuns: 500 },
  );
});
