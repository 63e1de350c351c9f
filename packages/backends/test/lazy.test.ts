/** What is loaded when. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import * as tf from "@tensorflow/tfjs-core";
import { afterEach, expect, test, vi } from "vitest";
import { candidateBackends, startBackend } from "../src/index.js";

afterEach(() => {
  vi.unstubAllEnvs();
});

test("importing the package registers no backend; starting one registers that one alone", async () => {
  const registered = () => Object.keys(tf.engine().registryFactory);
  expect(registered()).toEqual([]);
  await startBackend("cpu");
  expect(registered()).toEqual(["cpu"]);
});

test("what a browser loads at once asks for no module of Node's", () => {
  const source = fileURLToPath(new URL("../src/", import.meta.url));
  const importsOf = (file: string) =>
    [...readFileSync(source + file, "utf8").matchAll(/^(?:import|export) (?!type).*?from "([^"]+)"/gms)].map(
      ([, name]) => name!,
    );
  const reached = new Set<string>();
  const visit = (file: string) => {
    if (reached.has(file)) return;
    reached.add(file);
    for (const name of importsOf(file)) {
      expect(name, `imported by ${file}`).not.toMatch(/^node:/);
      if (name.startsWith(".")) visit(join(dirname(file), name).replace(/\.js$/, ".ts"));
    }
  };
  for (const file of ["index.ts", "wasm/wasm.ts", "cpu.ts", "webgpu/webgpu.ts"]) visit(file);
  expect(reached.size).toBeGreaterThan(8);
  expect(readdirSync(join(source, "webgpu"))).toContain("dawn.ts");
  expect(reached).not.toContain("webgpu/dawn.ts");
});

test("wasm is the last resort, and what runs where no card answers", async () => {
  const { names, passedOver } = await candidateBackends();
  expect(names.at(-1)).toBe("wasm");
  expect(names).not.toContain("cpu");
  expect(names).not.toContain("node");
  if (names.length === 1) expect(await startBackend()).toMatchObject({ name: "wasm", passedOver });
});
