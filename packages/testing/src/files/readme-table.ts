import { readFileSync } from "node:fs";

/** What the tables of a README's section say of each thing: `[thing, "read…" or "refused…"]`. */
export function readTables(readme: URL, heading: string): (readonly [thing: string, verdict: string])[] {
  const text = readFileSync(readme, "utf8");
  const start = text.indexOf(`\n${heading}\n`);
  if (start < 0) throw new Error(`${readme.pathname} has no "${heading}"`);
  const level = /^#+/.exec(heading)![0];
  const rest = text.slice(start + heading.length + 2);
  const end = rest.search(new RegExp(`^#{1,${level.length}} `, "m"));
  const section = end < 0 ? rest : rest.slice(0, end);
  return [...section.matchAll(/^\| (.+?) \| (read.*?|refused.*?) \|$/gm)].map(([, thing, verdict]) => [
    thing!,
    verdict!,
  ]);
}
