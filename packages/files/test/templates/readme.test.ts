/** What the README says of chat templates: each name in its table is read, or refused by that name. */

import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { usualBounds } from "../../src/templates/jinja/run/budget.js";
import { renderHere } from "./python-jinja.js";

const read = (name: string) => readFileSync(new URL(name, import.meta.url), "utf8");
const readme = read("../../README.md");
const { names } = JSON.parse(read("expected.json")) as { names: Readonly<Record<string, readonly string[]>> };

/** A template that uses a name of this kind; whatever else is wrong with it, the name is known. */
const uses: Readonly<Record<string, (name: string) => string>> = {
  tag: (name) => `{% ${name} %}`,
  filter: (name) => `{{ (none | ${name}) is defined }}`,
  test: (name) => `{{ [1] | select('${name}', 1) | list }}`,
  function: (name) => `{{ ${name}('x') }}`,
  "method of a text": (name) => `{{ 'a'.${name} is defined or 'absent' }}`,
  "method of a list": (name) => `{{ [].${name}() if [].${name} is defined else 'absent' }}`,
  "method of a dict": (name) => `{{ {}.${name}() if {}.${name} is defined else 'absent' }}`,
};

const unknown = /is not read here|would change a value|is unknown|No (filter|test) named|absent/;

function outcome(kind: string, name: string): string {
  const rendered = renderHere({ template: uses[kind]!(name), variables: {} });
  return "prompt" in rendered ? rendered.prompt : rendered.error;
}

function rowOf(kind: string): { read: string[]; refused: string[] } {
  const cells = new RegExp(`^\\| ${kind} \\| (.*) \\| (.*) \\|$`, "m").exec(readme);
  const namesIn = (cell = "") => Array.from(cell.matchAll(/`([^`]+)`/g), ([, name]) => name!);
  return { read: namesIn(cells?.[1]), refused: namesIn(cells?.[2]) };
}

describe.each(Object.keys(uses))("the README's row of each %s", (kind) => {
  const row = rowOf(kind);

  test("names what is read", () => {
    expect(row.read.length).toBeGreaterThan(0);
    for (const name of row.read) expect(`${name}: ${outcome(kind, name)}`).not.toMatch(unknown);
  });

  test("names what is refused, and the refusal names it", () => {
    for (const name of row.refused)
      expect(outcome(kind, name)).toMatch(/is not read here|would change a value/);
    for (const name of row.refused) expect(outcome(kind, name)).toContain(name);
  });

  test("names all that Jinja has", () => {
    expect([...row.read, ...row.refused].sort()).toEqual([...names[kind]!].sort());
  });
});

test("the README's bounds are the interpreter's", () => {
  const { steps, stepsPerCharacter, text, range, calls } = usualBounds;
  const [inAll, longest, widest] = [steps, text, range].map((bound) => bound.toLocaleString("en-US"));
  const each = `${stepsPerCharacter} for each character of what it is given`;
  const bounds = `${inAll} steps and ${each}, texts of ${longest} characters, ranges of ${widest} items, calls ${calls} deep`;
  expect(readme.replace(/\s+/g, " ")).toContain(bounds);
});
