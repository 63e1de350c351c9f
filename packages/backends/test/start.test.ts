import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs-core";
import { afterEach, expect, onTestFinished, test, vi } from "vitest";
import { backendNames, candidateBackends, type StartOptions, startBackend } from "../src/index.js";
import { isLibtensorflowHere } from "../src/libtensorflow/load.js";

test.each(["wasm", "cpu"])("%s runs when it is asked for", async (name) => {
  const backend = await startBackend(name);
  expect(backend.name).toBe(name);
  expect(tf.getBackend()).toBe(name);
  const product = tf.tidy(() => tf.matMul(tf.tensor2d([[1, 2]]), tf.tensor2d([[3], [4]])));
  expect([...(await product.data())]).toEqual([11]);
  product.dispose();
});

test("without a name one starts that may be taken unasked; the others are told of", async () => {
  const { names } = await candidateBackends();
  const { name, passedOver } = await startBackend();
  expect(names).toContain(name);
  expect(passedOver.length).toBeGreaterThanOrEqual(names.indexOf(name));
  expect(backendNames[0]).toBe("wasm");
});

test.each(["cuda", "", "toString"])(
  "there is no backend %j, and the error names those there are",
  async (name) => {
    await expect(startBackend(name)).rejects.toMatchObject({
      code: "unknown-backend",
      message: expect.stringContaining("wasm, cpu, webgpu, node, node-gpu"),
    });
  },
);

test.each([
  ["wasm", { precision: "f16" }, /"wasm" multiplies in f32 alone: .* --backend webgpu/],
  ["webgpu", { precision: "f16", kernels: false }, /f16 is one of the kernels, which are off/],
  ["wasm", { precision: "half" }, /A precision is f32 or f16; what came is "half"/],
] as const)("%s with %j is refused before anything starts", async (name, options, message) => {
  await startBackend("cpu");
  await expect(startBackend(name, options as StartOptions)).rejects.toMatchObject({
    code: "unsupported-precision",
    message: expect.stringMatching(message),
  });
  expect(tf.getBackend()).toBe("cpu");
});

test.each([
  { threads: Number.NaN },
  { threads: Number.POSITIVE_INFINITY },
  { threads: 2.5 },
  { threads: 0 },
  { threads: -1 },
  { threads: "x" },
  { threads: "2" },
  { threads: null },
  { threads: 2n },
  { kernels: "off" },
])(
  "the option in %o is refused before anything starts, with a backend's name and without",
  async (options) => {
    await startBackend("cpu");
    const [[option, value]] = Object.entries(options) as [[string, unknown]];
    const words = option === "threads" ? "a whole number of at least 1" : "true or false";
    const came = typeof value === "string" ? JSON.stringify(value) : String(value);
    for (const name of ["wasm", undefined]) {
      await expect(startBackend(name, options as StartOptions)).rejects.toMatchObject({
        name: "BackendError",
        code: "bad-request",
        message: expect.stringContaining(`The option ${option} must be ${words}; it is ${came}.`),
      });
      expect(tf.getBackend()).toBe("cpu");
    }
  },
);

test("what is no precision is refused without a backend's name too", async () => {
  await expect(startBackend(undefined, { precision: "half" } as never)).rejects.toMatchObject({
    code: "unsupported-precision",
    message: 'A precision is f32 or f16; what came is "half".',
  });
});

test.each([1, 2])("%i threads are had", async (threads) => {
  expect((await startBackend("wasm", { threads })).threads).toBe(threads);
});

test("f32 may be asked of any backend", async () => {
  expect((await startBackend("wasm", { precision: "f32" })).name).toBe("wasm");
});

afterEach(() => {
  vi.unstubAllEnvs();
});

test.for([
  ["node", "cpu", "amulet doctor --setup-libtensorflow`"],
  ["node-gpu", "gpu", "amulet doctor --setup-libtensorflow --gpu`"],
] as const)(
  "%s without its library says which command gets it, and leaves the old one on",
  async ([name, kind, command], { skip }) => {
    vi.stubEnv("AMULET_LIBTENSORFLOW", join(tmpdir(), "no such folder"));
    await startBackend("wasm");
    skip(isLibtensorflowHere(kind), `${name} is installed here, so nothing is missing`);
    await expect(startBackend(name)).rejects.toMatchObject({
      code: "missing-backend",
      message: expect.stringContaining(command),
    });
    expect(tf.getBackend()).toBe("wasm");
  },
);

test("a library that is here and does not load is no missing one: it failed, and says how", async ({
  skip,
}) => {
  const root = await mkdtemp(join(tmpdir(), "amulet-broken-"));
  onTestFinished(() => rm(root, { recursive: true }));
  vi.stubEnv("AMULET_LIBTENSORFLOW", root);
  skip(isLibtensorflowHere("cpu"), "another one is installed here");
  const folder = join(root, "cpu/node_modules/@tensorflow/tfjs-node");
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "index.js"), 'throw new Error("wrong ELF class")');
  await expect(startBackend("node")).rejects.toMatchObject({
    code: "failed-start",
    message: expect.stringMatching(/cpu did not load: wrong ELF class\. `amulet doctor/),
  });
});
