/** Numbers and lists of the README that code can count. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { listLaws } from "@amulet-ts/verify";
import { expect, test } from "vitest";

const root = new URL("../", import.meta.url);
const readme = readFileSync(new URL("README.md", root), "utf8");

test("as many laws as there are", () => {
  const countOf = (...groups: string[]) => listLaws().filter(({ group }) => groups.includes(group)).length;
  const [forward, optimisers] = [countOf("forward pass"), countOf("optimisers")];
  const algorithm = listLaws().length - forward - optimisers;
  const [, ...stated] = /(\d+) laws of the algorithm, (\d+) of forward passes and (\d+) of optimisers/.exec(
    readme,
  )!;
  expect(stated.map(Number)).toEqual([algorithm, forward, optimisers]);
});

test("every published package has its row, and no other", () => {
  const packages = readdirSync(new URL("packages/", root));
  const published = packages.filter(
    (name) => !JSON.parse(readFileSync(new URL(`packages/${name}/package.json`, root), "utf8")).private,
  );
  const rows = [...readme.matchAll(/^\| \[`([a-z-]+)`\]\(packages\/\1\) \|/gm)].map(([, name]) => name!);
  expect(rows.toSorted()).toEqual(published.toSorted());
});

test("every link of the documents leads somewhere", () => {
  const below = (folder: string) =>
    readdirSync(new URL(folder, root), { recursive: true, encoding: "utf8" }).map((path) => folder + path);
  const files = [...readdirSync(root), ...below("docs/"), ...below("packages/")];
  const pages = files
    .map((path) => path.replaceAll("\\", "/"))
    .filter((path) => path.endsWith(".md") && !path.includes("/node_modules/"));
  const broken = pages.flatMap((page) => {
    const text = readFileSync(new URL(page, root), "utf8").replace(/^```.*?^```/gms, "");
    const links = [...text.matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/g)].map(([, link]) => link!);
    return links
      .filter((link) => !existsSync(new URL(link, new URL(page, root))))
      .map((link) => `${page}: ${link}`);
  });
  expect(pages.length).toBeGreaterThan(20);
  expect(broken).toEqual([]);
});
