/** `amulet doctor` as a person calls it, each backend in a process of its own. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const command = fileURLToPath(new URL("../../packages/cli/bin/amulet.js", import.meta.url));

const built = fileURLToPath(new URL("../../packages/cli/dist/main.js", import.meta.url));

const specimens = async () => (await readdir(tmpdir())).filter((name) => name.startsWith("amulet-doctor-"));

const title = "--json is one object: wasm runs and agrees with float64; no file is left (needs a build)";

test.skipIf(!existsSync(built))(title, async () => {
  const before = await specimens();
  const words = [command, "doctor", "--backend", "wasm", "--json"];
  const { stdout } = await promisify(execFile)(process.execPath, words);
  const { backends, node } = JSON.parse(stdout);
  expect(node).toBe(process.version);
  expect(backends).toMatchObject([
    { name: "wasm", state: "runs", measurement: { device: expect.any(String) } },
  ]);
  expect((await specimens()).filter((name) => !before.includes(name))).toEqual([]);
});
