import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { withoutLeaks } from "@amulet-ts/testing/backends/no-leaks";
import { Parrot } from "@amulet-ts/testing/models/parrot";
import { afterEach, expect, test, vi } from "vitest";

withoutLeaks("wasm");

/** Stands where the README loads a model: its answer depends on the preference in the prompt. */
vi.mock("@amulet-ts/engines", () => ({ openEngine: async () => ({ model: new Parrot(answerTo) }) }));

function answerTo(prompt: string): string {
  if (prompt.includes("concise")) return "Boil, brew.";
  return prompt.includes("formal") ? "One boils water." : "Boil water and brew it.";
}

const here = fileURLToPath(new URL(".", import.meta.url));
const folders: string[] = [];

afterEach(async () => {
  vi.restoreAllMocks();
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true });
});

/** Runs TypeScript as a module of this folder and returns what it printed. */
async function run(source: string): Promise<string> {
  const folder = await mkdtemp(join(here, "readme-"));
  folders.push(folder);
  const file = join(folder, "readme.ts");
  await writeFile(file, source);
  let printed = "";
  vi.spyOn(process.stdout, "write").mockImplementation((chunk) => {
    printed += chunk;
    return true;
  });
  vi.spyOn(console, "log").mockImplementation((line) => {
    printed += `${line}\n`;
  });
  await import(pathToFileURL(file).href);
  return printed;
}

test("the README's code runs as it stands, one block after the other", async () => {
  const readme = await readFile(new URL("../README.md", import.meta.url), "utf8");
  const blocks = [...readme.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code]) => code!);
  expect(blocks).toHaveLength(6);
  expect((await run(blocks.join("\n"))).split("\n")).toEqual([
    "Boil, brew.Boil",
    "Boil, brew.",
    // Five tokens of "Boil water and brew it.", then on as the preference has it.
    "Boil  brew.",
    "at Δ = 9.0 the preference took over",
    "bad-sampling: temperature must be a finite number of at least 0; it is -1.",
    "",
  ]);
});
