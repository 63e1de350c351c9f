/** Who judges must not share code with what is judged. */
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const source = fileURLToPath(new URL("../src", import.meta.url));
const files = readdirSync(source, { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".ts") && !/^ours[/\\]/.test(name))
  .map((name) => join(source, name));

/** What a file imports, exports from elsewhere or imports on the way, types included. */
function importsOf(file: string): string[] {
  const text = readFileSync(file, "utf8");
  return [...text.matchAll(/(?:from|import|import\()\s*["'`]([^"'`]+)["'`]/g)].map(
    ([, specifier]) => specifier!,
  );
}

test("outside of `ours`, verify imports nothing of this project but itself", () => {
  const imported = files.flatMap((file) =>
    importsOf(file).map((specifier) => `${relative(source, file)} ${specifier}`),
  );
  expect(imported.length).toBeGreaterThan(200);
  const allowed =
    / (?:fast-check|valibot|@tensorflow\/tfjs-core|node:[a-z/_]+|\.\.?\/(?!.*\bours\/)[\w./-]+)$/;
  expect(imported.filter((one) => !allowed.test(one))).toEqual([]);
  const inside = files.flatMap((file) =>
    importsOf(file)
      .filter((specifier) => specifier.startsWith("."))
      .map((specifier) => relative(source, join(file, "..", specifier))),
  );
  expect(inside.filter((path) => path.startsWith(".."))).toEqual([]);
});
