/** What the root README shows of `npm start` is what comes out, but for times. */
import { readFile } from "node:fs/promises";
import { amulet } from "@amulet-ts/testing/cli/fake-io";
import { expect, test } from "vitest";

/** Times are the machine's. */
function withoutTimes(text: string): string {
  return text.replace(/[\d.]+(\/s| a second| s\b)/g, "#$1");
}

test("the README's transcript of npm start", async () => {
  const readme = await readFile(new URL("../README.md", import.meta.url), "utf8");
  const [shown] = /(?<=```text\n)the embedded model[\s\S]*?(?=```)/.exec(readme)!;
  // What `scripts/start.mjs` runs without arguments, on the backend that every machine has.
  const { status, stdout } = await amulet(["compare", "--backend", "wasm"]);
  expect(status).toBe(0);
  const [beginning, end] = withoutTimes(shown).split("\n…\n") as [string, string];
  const written = withoutTimes(stdout);
  expect(written.slice(0, beginning.length)).toBe(beginning);
  expect(written.slice(-end.length)).toBe(end);
});
