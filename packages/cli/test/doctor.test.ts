/** `amulet doctor`: what it says of backends that run, are wrong, missing, or crash. */
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BackendName, startBackend } from "@amulet-ts/backends";
import { amulet } from "@amulet-ts/testing/cli/fake-io";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { runApart } from "../src/commands/doctor/apart.js";
import type { Examination, Examine, FindCandidates } from "../src/commands/doctor/examine.js";
import { type Measurement, measureBackend } from "../src/commands/doctor/measure-backend.js";
import { type Diagnosis, formatDiagnosis, stateOf } from "../src/commands/doctor/report.js";
import { diagnose } from "../src/commands/doctor/run.js";
import { makeSpecimen } from "../src/commands/doctor/specimen.js";
import type { Io } from "../src/io.js";
import { colorsFor } from "../src/terminal/colors.js";

const silent = { write: () => {}, isTTY: false };
const io: Io = {
  stdout: silent,
  stderr: silent,
  environment: {},
  signal: new AbortController().signal,
  readInput: async () => "",
};

/** One real measurement, of which the others are variations. */
let measured: Measurement;
let added: number;

beforeAll(async () => {
  const specimen = await makeSpecimen();
  try {
    await startBackend("wasm");
    const before = tf.memory().numTensors;
    measured = await measureBackend("wasm", specimen.folder);
    added = tf.memory().numTensors - before;
  } finally {
    await specimen.remove();
  }
});

test("wasm is measured, agrees with float64, and leaves no tensor behind", () => {
  expect(stateOf({ name: "wasm", measurement: measured })).toBe("runs");
  for (const { error, tolerance } of [measured.product, measured.forward]) {
    // A result that is exactly right would mean that nothing was compared.
    expect(error).toBeGreaterThan(0);
    expect(error).toBeLessThan(tolerance);
  }
  for (const speed of [measured.gflops, measured.gigabytesPerSecond, measured.msPerToken])
    expect(speed).toBeGreaterThan(0);
  expect(added).toBe(0);
});

const wrong = { error: 1, tolerance: 0.5 };
const noNumber = { error: Number.NaN, tolerance: 0.5 };

test.each([
  ["product", wrong],
  ["product", noNumber],
  ["forward", wrong],
  ["forward", noNumber],
] as const)("a %s with %o is wrong", (what, agreement) => {
  expect(stateOf({ name: "wasm", measurement: { ...measured, [what]: agreement } })).toBe("wrong");
});

describe("a diagnosis", () => {
  const outcomes: Readonly<Record<BackendName, () => Examination>> = {
    wasm: () => ({ name: "wasm", measurement: { ...measured, msPerToken: 20 } }),
    cpu: () => ({ name: "cpu", measurement: { ...measured, name: "cpu", forward: wrong, msPerToken: 1 } }),
    node: () => ({ name: "node", measurement: { ...measured, name: "node", msPerToken: 10 } }),
    webgpu: () => ({ name: "webgpu", code: "missing-backend", why: "`npm install webgpu` gets it." }),
    "node-gpu": () => ({ name: "node-gpu", code: "crashed", why: "its process was ended by SIGSEGV" }),
  };
  const examine: Examine = async (name) => outcomes[name]();
  const names = Object.keys(outcomes) as BackendName[];
  const find =
    (...candidates: BackendName[]): FindCandidates =>
    async () => ({ names: candidates, passedOver: ["Its driver is missing."] });

  let diagnosis: Diagnosis;

  beforeAll(async () => {
    diagnosis = await diagnose(names, io, examine, find("node-gpu", "webgpu", "wasm"));
  });

  test("names as what runs by default the first candidate that neither fails nor is missing", () => {
    expect(diagnosis.default).toBe("wasm");
    expect(diagnosis.advice.at(-1)).toBe("Its driver is missing.");
  });

  test("says so where nothing would run", async () => {
    const broken: Examine = async (name) => ({ name, code: "crashed", why: "no memory" });
    const none = await diagnose(["wasm"], io, broken, find("wasm"));
    expect(none.default).toBeNull();
    expect(none.advice[0]).toBe("Nothing here runs without --backend.");
    expect(formatDiagnosis(none, colorsFor(io.stdout, io.environment)).join("\n")).toContain("no memory");
  });

  test("tells of each backend whether it runs, is wrong, missing or fails, and why", () => {
    const { backends, advice } = diagnosis;
    expect(backends.map(({ name, state }) => [name, state])).toEqual([
      ["wasm", "runs"],
      ["cpu", "wrong"],
      ["node", "runs"],
      ["webgpu", "missing"],
      ["node-gpu", "fails"],
    ]);
    expect(advice.join("\n")).toContain("Do not use cpu");
    expect(advice.join("\n")).toContain("--backend node");
  });

  test("that is interrupted ends there", async () => {
    const interrupt = new AbortController();
    const asked: BackendName[] = [];
    const interrupted: Examine = async (name) => {
      asked.push(name);
      interrupt.abort();
      return outcomes[name]();
    };
    const running = diagnose(names, { ...io, signal: interrupt.signal }, interrupted);
    await expect(running).rejects.toMatchObject({ name: "AbortError" });
    expect(asked).toEqual(["wasm"]);
  });

  test("is a table without colours in a pipe; what is missing stands below it with the command that gets it", () => {
    const text = formatDiagnosis(diagnosis, colorsFor(io.stdout, io.environment)).join("\n");
    expect(text).not.toContain("\u001b");
    expect(text).toMatch(new RegExp(`^${diagnosis.default} \\*`, "m"));
    expect(text).toMatch(/^node-gpu fails: its process was ended by SIGSEGV$/m);
    expect(text).toMatch(/^webgpu missing: `npm install webgpu` gets it\.$/m);
  });
});

test.each([["--gpu"], ["--undo"], ["--wheel", "x.whl"]])(
  "%s alone is wrong usage: it belongs to --setup-libtensorflow",
  async (...words) => {
    const { status, stderr } = await amulet(["doctor", ...words]);
    expect(status).toBe(2);
    expect(stderr).toContain("--setup-libtensorflow");
  },
);

describe("a process apart", () => {
  const { signal } = io;
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "amulet-apart-"));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));
  const script = async (text: string) => {
    const path = join(folder, "script.mjs");
    await writeFile(path, text);
    return path;
  };

  test("hands over what it sends, 64-bit numbers and infinities whole", async () => {
    const path = await script("process.send({ n: 2n ** 60n, x: Infinity, words: process.argv.slice(2) })");
    const answer = { n: 2n ** 60n, x: Number.POSITIVE_INFINITY, words: ["a", "b"] };
    expect(await runApart(path, ["a", "b"], { signal })).toEqual({ answer });
  });

  test("that crashes is told with its signal, one that throws with its last words", async () => {
    const crash = await script("process.kill(process.pid, 'SIGSEGV'); setInterval(() => {}, 1000)");
    expect(await runApart(crash, [], { signal })).toEqual({ why: "its process was ended by SIGSEGV" });
    const error = await script("console.error('the card is gone'); process.exit(3)");
    const why = "its process ended with status 3: the card is gone";
    expect(await runApart(error, [], { signal })).toEqual({ why });
  });

  test("that hangs without listening to anything is ended", async () => {
    const path = await script("process.on('SIGTERM', () => {}); for (;;);");
    expect(await runApart(path, [], { signal, milliseconds: 500 })).toEqual({
      why: "it did not end within 0.5 s",
    });
  });

  test("that is interrupted rejects", async () => {
    const path = await script("for (;;);");
    const running = runApart(path, [], { signal: AbortSignal.timeout(200) });
    await expect(running).rejects.toMatchObject({ name: "AbortError" });
  });
});

test("a specimen that can't be written leaves nothing behind", async () => {
  const folder = await mkdtemp(join(tmpdir(), "amulet-broken-"));
  vi.stubEnv("TMPDIR", folder);
  const write = vi.spyOn(JSON, "stringify").mockImplementationOnce(() => {
    throw new Error("the disk is full");
  });
  try {
    await expect(makeSpecimen()).rejects.toThrow("the disk is full");
    expect(await readdir(folder)).toEqual([]);
  } finally {
    write.mockRestore();
    vi.unstubAllEnvs();
    await rm(folder, { recursive: true });
  }
});
