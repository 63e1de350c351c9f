/**
 * `npm run test:backends`: the same suites on every backend, one table. Each backend has a process of its own, so that
 * one that is missing or crashes is a row and not the end.
 *
 * Options: `--json`; `--backend NAME`, once or more; `--require NAME`, once or more: that it is missing is a failure;
 * `--jobs N`: so many backends at once (1), for where none of them is a graphics card, of which libtensorflow takes all.
 * That one is here and does not start, or that all tests of a suite are skipped, is a failure always.
 */
import { execFile, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { parseArgs } from "node:util";
import { prepare, root } from "./prepare.mjs";

const core = (...names) => names.map((name) => `packages/core/test/${name}.test.ts`);
const noModel = existsSync(join(root, "../shared/models"))
  ? undefined
  : "needs ../shared/models, which is not here";

/**
 * A suite's files, and those that are enough where a processor plays a graphics card, a hundred times slower; `not` says
 * by backend, for that case or for all why it can't run there.
 */
const suites = [
  {
    suite: "forward pass: 8 families, reference logits and tokens",
    files: ["packages/models/test/families/reference.test.ts"],
  },
  {
    suite: "forward pass: random models of every family, float64 oracle",
    files: ["packages/models/test/families/oracle.test.ts"],
  },
  {
    suite: "weights: tensors in either order, the file's blocks, several joined; the file's numbers",
    files: ["packages/models/test/weights.test.ts"],
  },
  {
    suite: "sessions: unequal rows, steps, fork, reorder, rewind",
    files: ["packages/models/test/families/sessions.test.ts"],
  },
  {
    suite: "sessions: pages of kernels, forks, steps that fail",
    files: ["packages/models/test/fused-session.test.ts"],
    not: Object.fromEntries(
      ["cpu", "node", "node-gpu"].map((name) => [name, "no kernels fuse operations there"]),
    ),
  },
  { suite: "sessions: full context, merging tails", files: ["test/backends/capacity.test.ts"] },
  { suite: "algorithm: every law", files: ["packages/verify/test/core.test.ts"] },
  {
    suite: "algorithm: policies, masks, budgets, weights",
    files: core(
      "policy",
      "masks",
      "bounded",
      "field-methods",
      "extreme-strengths",
      "weighted-preferences",
      "not-finite",
    ),
  },
  {
    suite: "generation: decode, beam, changes, scores",
    files: core(
      "decode",
      "decoder",
      "generate",
      "beam",
      "change-between-tokens",
      "cached-sessions",
      "score",
      "explain",
    ),
    softwareFiles: core("decode"),
  },
  {
    suite: "generation: the published code's policies and tokens",
    files: ["test/published-tokens.test.ts"],
  },
  {
    suite: "a real model: SmolLM2-135M, logits, greedy and Amulet's tokens",
    files: ["test/extra/smollm2.extra.ts"],
    not: {
      all: noModel,
      cpu: "135 million parameters in plain JavaScript take minutes a token",
      wasm: "`npm run test:extra` holds it there",
      software: "needs a graphics card; a processor that plays one takes minutes a token",
    },
  },
];

/** A suite that takes longer has failed; only a guard against hanging. */
const longestMinutes = 30;

/** Where Debian's chromium package has the Vulkan driver that needs no graphics card. */
const swiftShader = "/usr/lib/chromium/vk_swiftshader_icd.json";

const { values: options } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    backend: { type: "string", multiple: true, default: ["cpu", "wasm", "node", "webgpu", "node-gpu"] },
    require: { type: "string", multiple: true, default: ["cpu", "wasm"] },
    jobs: { type: "string", default: "1" },
  },
});

prepare();
const width = Math.max(...suites.map(({ suite }) => suite.length));
print(rowOf("backend", "suite", "tests", "worst error", "tolerance"));
const results = await testAll();
for (const { backend, description } of results) if (description) print(`${backend}: ${description}`);
if (options.json) process.stdout.write(`${JSON.stringify(results, undefined, 2)}\n`);
process.exit(results.every(passed) ? 0 : 1);

/** From the last, which takes longest where a processor plays a graphics card. Rows come as they are done. */
async function testAll() {
  const waiting = [...options.backend.keys()];
  const results = [];
  const work = async () => {
    for (let index = waiting.pop(); index !== undefined; index = waiting.pop())
      results[index] = await testBackend(options.backend[index]);
  };
  await Promise.all(Array.from({ length: Math.max(1, Number(options.jobs)) }, work));
  return results;
}

async function testBackend(backend) {
  const began = Date.now();
  const { facts, environment, missing, failed } = start(backend);
  if (facts === undefined) {
    print(rowOf(backend, missing === undefined ? "FAILED to start:" : "did not run:", missing ?? failed));
    return { backend, missing, failed, suites: [] };
  }
  const rows = [];
  for (const suite of suites) {
    const row = await testSuite(backend, suite, facts.isSoftware, environment);
    print(rowOf(backend, row.suite, ...describeRow(row)));
    for (const failure of row.failures ?? []) print(`         FAILED ${backend}: ${failure}`);
    rows.push(row);
  }
  const seconds = Math.round((Date.now() - began) / 1000);
  return { backend, description: `${facts.description}; ${seconds} s`, suites: rows };
}

/** Starts it once, in a process of its own; a processor in the place of a graphics card is better than none. */
function start(backend) {
  const { VK_ICD_FILENAMES: chosen } = process.env;
  const first = probe(backend, {});
  const mayPlay = backend === "webgpu" && existsSync(swiftShader) && !chosen;
  return first.missing !== undefined && mayPlay ? probe(backend, { VK_ICD_FILENAMES: swiftShader }) : first;
}

/** Its `facts`; or why it is `missing`, which only its own code says; or how it `failed`. */
function probe(backend, environment) {
  const program = `
    const { startBackend } = await import("@amulet-ts/backends");
    const answer = await startBackend(process.argv[1]).then(
      (facts) => ({ facts }),
      ({ code, message }) => (code === "missing-backend" ? { missing: message } : { failed: message }),
    );
    process.stdout.write("\\n" + JSON.stringify(answer) + "\\n", () => process.exit(0));`;
  const { stdout, signal, stderr } = spawnSync(
    process.execPath,
    ["--input-type=module", "-e", program, "--", backend],
    {
      cwd: join(root, "packages/cli"),
      encoding: "utf8",
      env: { ...process.env, ...environment },
      timeout: 120_000,
    },
  );
  const line = stdout.trimEnd().split("\n").at(-1) ?? "";
  if (line.startsWith("{")) return { ...JSON.parse(line), environment };
  return { failed: signal ? `its process ended with ${signal}` : stderr.trim().split("\n").at(-1) };
}

/** One suite on one backend: what failed, and the error nearest to, or furthest past, its tolerance. */
async function testSuite(
  backend,
  { suite, files, softwareFiles, not = {} },
  isSoftware = false,
  environment = {},
) {
  const notRun = not.all ?? not[backend] ?? (isSoftware ? not.software : undefined);
  if (notRun !== undefined) return { suite, notRun };
  const folder = mkdtempSync(join(tmpdir(), "amulet-backends-"));
  try {
    const chosen = (isSoftware && softwareFiles) || files;
    const { text, hasFailed, isLate } = await runVitest(backend, chosen, folder, {
      ...environment,
      AMULET_TEST_SOFTWARE: isSoftware ? "1" : "",
    });
    const { tests, skipped, failures, seconds } = readReport(join(folder, "report.json"));
    const late = isLate ? [`it took longer than ${longestMinutes} minutes`] : [];
    const crashed = hasFailed && failures.length + late.length === 0 ? [lastLines(text)] : [];
    const all = [...failures, ...late, ...crashed];
    if (all.length + tests === 0) all.push(`none of its ${skipped} tests ran`);
    return { suite, tests, skipped, seconds, ...worstOf(join(folder, "measured.jsonl")), failures: all };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function runVitest(backend, files, folder, environment) {
  const words = [
    join(root, "node_modules/vitest/vitest.mjs"),
    ...["run", "--config", join(root, "vitest.backends.config.ts"), "--reporter=json"],
    `--outputFile=${join(folder, "report.json")}`,
    ...files,
  ];
  const env = {
    ...process.env,
    ...environment,
    AMULET_TEST_BACKEND: backend,
    AMULET_MEASUREMENTS: join(folder, "measured.jsonl"),
  };
  const limits = { maxBuffer: 2 ** 28, timeout: longestMinutes * 60_000 };
  return new Promise((resolve) => {
    execFile(process.execPath, words, { cwd: root, env, ...limits }, (error, stdout, stderr) => {
      resolve({ hasFailed: error !== null, isLate: error?.killed === true, text: stdout + stderr });
    });
  });
}

function readReport(path) {
  if (!existsSync(path)) return { tests: 0, skipped: 0, failures: [], seconds: 0 };
  const { testResults } = JSON.parse(readFileSync(path, "utf8"));
  const tests = testResults.flatMap((file) => file.assertionResults);
  const broken = testResults.filter((file) => file.status === "failed" && file.message);
  return {
    tests: tests.filter(({ status }) => status === "passed").length,
    skipped: tests.filter(({ status }) => status !== "passed" && status !== "failed").length,
    seconds: Math.round(
      testResults.reduce((sum, { startTime, endTime }) => sum + endTime - startTime, 0) / 1000,
    ),
    failures: [
      ...tests
        .filter(({ status }) => status === "failed")
        .map(({ fullName, failureMessages }) => `${fullName}: ${failureMessages[0]?.split("\n")[0]}`),
      ...broken.map(({ name, message }) => `${relative(root, name)}: ${message.split("\n")[0]}`),
    ],
  };
}

function worstOf(path) {
  if (!existsSync(path)) return {};
  const measured = readFileSync(path, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  const strain = ({ error, tolerance }) => (Number(error) === 0 ? 0 : Number(error) / Number(tolerance));
  const further = (a, b) => (Number.isNaN(strain(b)) || strain(b) > strain(a) ? b : a);
  const { error, tolerance, test } = measured.reduce(further);
  return { worstError: Number(error), tolerance: Number(tolerance), worstIn: test };
}

function passed({ backend, missing, failed, suites: rows }) {
  if (failed !== undefined) return false;
  if (missing !== undefined) return !options.require.includes(backend);
  return rows.every(({ notRun, failures }) => notRun !== undefined || failures.length === 0);
}

function rowOf(backend, suite, ...cells) {
  return [backend.padEnd(8), suite.padEnd(width), ...cells].join("  ");
}

/** With `--json` the table goes to standard error, as progress. */
function print(line) {
  (options.json ? process.stderr : process.stdout).write(`${line}\n`);
}

function describeRow({ notRun, tests, skipped, worstError, tolerance, failures }) {
  if (notRun !== undefined) return [`not run: ${notRun}`];
  const [error, bound] =
    worstError === undefined ? ["exact", ""] : [showNumber(worstError), showNumber(tolerance)];
  const verdict = [
    ...(skipped > 0 ? [`${skipped} skipped`] : []),
    ...(failures.length > 0 ? [`${failures.length} FAILED`] : []),
  ];
  return [String(tests).padStart(5), error.padStart(11), bound.padStart(9), ...verdict];
}

function showNumber(value) {
  return Number.isFinite(value) && value !== 0 ? value.toExponential(1) : String(value);
}

function lastLines(text) {
  return `its process ended early: ${text.trim().split("\n").slice(-3).join(" / ")}`;
}
