/** Chat templates against Python's jinja2 where it is: the fixture's, and random ones, which find what no list names. */

import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Rendered, renderHere, renderInPython, whyNoPython } from "../templates/python-jinja.js";
import { randomTemplates, templateVariables } from "../templates/random-templates.js";

const missing = whyNoPython();
if (missing) console.log(`Templates are not compared with Python's: ${missing}`);

/** What is refused by name although Python renders it; the README says so. */
const refused = /is not read here/;

function agree(ours: Rendered, theirs: Rendered): boolean {
  if ("error" in ours) return "error" in theirs || refused.test(ours.error);
  return "prompt" in theirs && ours.prompt === theirs.prompt;
}

describe.skipIf(missing)("each template of the fixture", () => {
  const read = (name: string) => readFileSync(new URL(`../templates/${name}`, import.meta.url), "utf8");
  const chats = Object.entries(JSON.parse(read("chats.json")) as Record<string, Record<string, unknown>>);
  const constructs = JSON.parse(read("constructs.json")) as { variables: object; templates: string[] };
  const { shapes, ...written } = JSON.parse(read("expected.json"));

  it("is written down as Python renders it", () => {
    const ofShapes = Object.keys(shapes).flatMap((shape) =>
      chats.map(([, variables]) => ({ template: read(`shapes/${shape}.jinja`), variables })),
    );
    const ofConstructs = constructs.templates.map((template) => ({
      template,
      variables: { ...constructs.variables },
    }));
    const prompts = renderInPython([...ofShapes, ...ofConstructs]).map((one) =>
      "prompt" in one ? one.prompt : null,
    );
    const stored = Object.keys(shapes).flatMap((shape) => chats.map(([chat]) => shapes[shape][chat]));
    expect(prompts).toEqual([...stored, ...written.constructs]);
  });
});

describe.skipIf(missing)("a random template", () => {
  it.each([11, 12])("renders as in Python, or is an error in both (seed %i)", (seed) => {
    const cases = fc
      .sample(randomTemplates, { seed, numRuns: 2500 })
      .map((template) => ({ template, variables: templateVariables }));
    const expected = renderInPython(cases);
    const differing = cases.flatMap((one, index) => {
      const [ours, theirs] = [renderHere(one), expected[index]!];
      return agree(ours, theirs) ? [] : [{ template: one.template, ours, theirs }];
    });
    expect(differing).toEqual([]);
    expect(expected.filter((theirs) => "prompt" in theirs).length).toBeGreaterThan(1250);
  });
});
