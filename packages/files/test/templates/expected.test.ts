/** What Python's Jinja makes of many templates, written down by oracle.py. */

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { renderHere } from "./python-jinja.js";

interface Expected {
  /** By the shape's name, then the chat's; null where Python raises. */
  readonly shapes: Readonly<Record<string, Readonly<Record<string, string | null>>>>;
  readonly constructs: readonly (string | null)[];
}

type Variables = Readonly<Record<string, unknown>>;

const read = (name: string) => readFileSync(new URL(name, import.meta.url), "utf8");
const expected = JSON.parse(read("expected.json")) as Expected;
const chats = JSON.parse(read("chats.json")) as Readonly<Record<string, Variables>>;
const { variables, templates } = JSON.parse(read("constructs.json")) as {
  variables: Variables;
  templates: string[];
};

const promptOf = (template: string, given: Variables) => {
  const rendered = renderHere({ template, variables: given });
  return "prompt" in rendered ? rendered.prompt : null;
};

test.each(Object.keys(expected.shapes))(
  "a template in the shape of %s renders every chat as in Python",
  (name) => {
    const template = read(`shapes/${name}.jinja`);
    const prompts = Object.entries(chats).map(([chat, given]) => [chat, promptOf(template, given)]);
    expect(Object.fromEntries(prompts)).toEqual(expected.shapes[name]);
  },
);

/** Python renders these; here they are errors that name what is not read. */
const refused = new Map([
  ["{{ '5' | int(base=16) }}", "the filter int with another base"],
  ["{{ 'abc'.__class__ }}", "the attribute __class__"],
  ["{{ d.__class__ }}", "the attribute __class__"],
  ["{{ 1.5.real }}", "the attribute real of a number"],
  ["{{ lipsum is defined }}", "the function lipsum()"],
  ["{{ 9007199254740993 }}", "an integer beyond 2^53"],
  ["{% autoescape true %}{% endautoescape %}", "the tag {% autoescape %}"],
]);

test("each construct gives what it gives in Python, or an error where Python raises", () => {
  const ours = templates.map((template) => [template, promptOf(template, variables)]);
  const theirs = templates.map((template, index) => [
    template,
    refused.has(template) ? null : expected.constructs[index],
  ]);
  expect(ours).toEqual(theirs);
  expect(expected.constructs.length).toBe(templates.length);
});

test.each([...refused])("%s is refused by name", (template, construct) => {
  const rendered = renderHere({ template, variables });
  expect(rendered).toEqual({ error: expect.stringContaining(`${construct} is not read here`) });
});
