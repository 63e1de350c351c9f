/** axe-core in a page. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Page } from "playwright-core";

/** Its script, which a page is to run first. */
export const axe: string = readFileSync(
  createRequire(import.meta.url).resolve("axe-core/axe.min.js"),
  "utf8",
);

/** Without the parts of pictures: thousands of dots, of which readers are told the picture's name alone. */
export function violations(page: Page): Promise<string[]> {
  return page.evaluate(`axe.run({ exclude: [".picture svg"] }).then(({ violations }) => violations.map(({ id, nodes }) =>
    id + ": " + nodes.map(({ html }) => html.slice(0, 120)).join(" | ")))`);
}
