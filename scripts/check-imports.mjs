/**
 * Holds the arrows that docs/architecture.md draws, by the import lines of every file, types included: which package a
 * source may use, no circle of files in a package, no way from one package into the folders of another, no folder with
 * more than fifteen source files flat.
 */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { root } from "./prepare.mjs";

/** What the sources of a package may import of ours; `verify/ours` is an entry apart. Each arrow is used. */
const arrows = {
  core: [],
  files: [],
  backends: ["kernels"],
  kernels: [],
  "embedded-model": [],
  models: ["core", "files"],
  engines: ["backends", "core", "embedded-model", "files", "models"],
  eval: ["core", "files"],
  lab: ["core", "eval", "files", "models"],
  server: ["core", "files"],
  web: ["backends", "core", "files", "models"],
  explorer: ["core", "lab", "web"],
  verify: [],
  "verify/ours": ["core", "lab", "models", "verify"],
  cli: [
    ...["backends", "core", "embedded-model", "engines", "eval", "explorer", "files", "lab", "models"],
    ...["server", "verify", "verify/ours"],
  ],
  testing: ["backends", "cli", "core", "embedded-model", "files", "models", "verify"],
};

/** What else is kept to its place. */
const kept = [
  { what: /^@tensorflow\/tfjs-(backend-|node)/, only: ["backends"], why: "backends alone imports a backend" },
  { what: /^@tensorflow\//, not: ["files", "embedded-model"], why: "files are read without TensorFlow.js" },
  { what: /^(vitest|fast-check)/, only: ["testing", "verify"], why: "that is for tests" },
];

const mostFiles = 15;
const wrong = [];
const used = new Set();

const files = readdirSync(root, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && /\.(ts|mjs)$/.test(entry.name))
  .map((entry) => relative(root, join(entry.parentPath ?? entry.path, entry.name)).replaceAll("\\", "/"))
  .filter((path) => /^(packages\/[^/]+\/(src|page|test)|test|scripts)\//.test(path));
const importsOf = new Map(files.map((path) => [path, readImports(path)]));

for (const [path, imports] of importsOf) for (const { specifier } of imports) checkImport(path, specifier);
for (const [from, targets] of Object.entries(arrows))
  for (const to of targets)
    if (!used.has(`${from} → ${to}`))
      wrong.push(`${from} → ${to}: nothing uses this arrow; take it out of scripts/check-imports.mjs`);
findCircles();
countFiles();

console.log(`${files.length} files and ${used.size} arrows between packages checked, ${wrong.length} wrong`);
for (const line of wrong) console.error(line);
process.exit(wrong.length > 0 ? 1 : 0);

/** The specifiers of `import` and `export … from`, and, loaded later, of `import()`; outside comments. */
function readImports(path) {
  const text = readFileSync(join(root, path), "utf8").replace(/^\s*(\/?\*|\/\/).*$/gm, "");
  const statement = /^(?:import|export)\b[^;"'`()]*?(?:from\s*)?"([^"]+)";$|\bimport\(\s*"([^"]+)"\s*\)/gm;
  return [...text.matchAll(statement)].map(([, named, called]) => ({
    specifier: named ?? called,
    isLater: named === undefined,
  }));
}

function checkImport(path, specifier) {
  const [, owner, folder] = /^packages\/([^/]+)\/(src|page|test)\//.exec(path) ?? [];
  const kind = folder === "page" ? "src" : folder;
  if (specifier.startsWith(".")) return checkRelative(path, specifier, owner, kind);
  if (kind !== "src") return;
  const [, named] = /^@amulet-ts\/(.+)$/.exec(specifier) ?? [];
  if (named !== undefined) return checkArrow(path, entryOf(path), named);
  for (const { what, only, not, why } of kept)
    if (what.test(specifier) && (only ? !only.includes(owner) : not.includes(owner)))
      wrong.push(`${path} imports ${specifier}: ${why}`);
}

/** The part of the house a source belongs to. */
function entryOf(path) {
  if (path.startsWith("packages/verify/src/ours/")) return "verify/ours";
  return path.split("/")[1];
}

function checkArrow(path, from, named) {
  const to = named === "verify/ours" ? named : named.split("/")[0];
  used.add(`${from} → ${to}`);
  if (!(from in arrows)) wrong.push(`${path}: the package ${from} has no line in scripts/check-imports.mjs`);
  else if (!arrows[from].includes(to))
    wrong.push(
      `${path} imports @amulet-ts/${named}: ${from} may use ${arrows[from].join(", ") || "no package of ours"}`,
    );
}

function checkRelative(path, specifier, owner, kind) {
  const target = join(dirname(path), specifier).replaceAll("\\", "/");
  const home = owner ? `packages/${owner}/` : `${path.split("/")[0]}/`;
  if (kind !== "src") {
    if (/^packages\/[^/]+\/test\//.test(target) && !target.startsWith(home))
      wrong.push(
        `${path} imports ${specifier}, a test of another package: what both need belongs in testing`,
      );
    return;
  }
  if (/^packages\/[^/]+\/page\//.test(path) && target.startsWith(`${home}page/`)) return;
  if (!target.startsWith(`${home}src/`))
    return wrong.push(`${path} imports ${specifier}, out of its package's src`);
  const [from, to] = [entryOf(path), entryOf(target)];
  if (from === to) return;
  used.add(`${from} → ${to}`);
  if (!arrows[from]?.includes(to)) wrong.push(`${path} imports ${specifier}: ${from} may not use ${to}`);
}

/**
 * Depth first over the sources of each package: an import of a file that is on the way here closes a circle. A command's
 * code, loaded by `import()` when it is called, may name the types of its options.
 */
function findCircles() {
  const state = new Map();
  const visit = (path, way) => {
    if (state.get(path) === "done") return;
    if (state.get(path) === "on the way") {
      const circle = [...way.slice(way.indexOf(path)), path];
      wrong.push(`a circle of imports: ${circle.map((one) => one.replace(/^packages\//, "")).join(" → ")}`);
      return;
    }
    state.set(path, "on the way");
    for (const { specifier, isLater } of importsOf.get(path) ?? []) {
      if (isLater || !specifier.startsWith(".")) continue;
      visit(join(dirname(path), specifier).replaceAll("\\", "/").replace(/\.js$/, ".ts"), [...way, path]);
    }
    state.set(path, "done");
  };
  for (const path of files) if (path.includes("/src/")) visit(path, []);
}

function countFiles() {
  const counts = new Map();
  for (const path of files)
    if (/\/(src|page)\/|^scripts\//.test(path))
      counts.set(dirname(path), (counts.get(dirname(path)) ?? 0) + 1);
  for (const [folder, count] of counts)
    if (count > mostFiles) wrong.push(`${folder} has ${count} files flat; more than ${mostFiles} want rooms`);
}
