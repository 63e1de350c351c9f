import { readdirSync, readFileSync } from "node:fs";
import { defineConfig } from "vitest/config";
import { resolve, test } from "./vitest.shared.js";

/** A file that replaces modules or backends would do so for the files after it. */
const leavesTraces = /\bvi\.(mock|doMock|resetModules)\(|\bremoveBackend\(|\bresetBackends\(/;

const alone = ["packages", "test"]
  .flatMap((folder) => findTests(folder))
  .filter((path) => path.startsWith("packages/backends/") || leavesTraces.test(readFileSync(path, "utf8")));

function findTests(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return /^(node_modules|dist|src)$/.test(entry.name) ? [] : findTests(path);
    return path.endsWith(".test.ts") ? [path] : [];
  });
}

const include = ["packages/*/test/**/*.test.ts", "test/**/*.test.ts"];

/** Most files share a process with those before them, since importing costs a quarter of the time; some need their own. */
export default defineConfig({
  test: {
    maxWorkers: test.maxWorkers,
    projects: [
      { resolve, test: { ...test, name: "shared", include, exclude: alone, isolate: false } },
      { resolve, test: { ...test, name: "alone", include: alone } },
    ],
  },
});
