import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startBackend } from "@amulet-ts/backends";
import { amulet } from "@amulet-ts/testing/cli/fake-io";
import { lawSources, listLaws } from "@amulet-ts/verify";
import * as tf from "@tensorflow/tfjs-core";
import stringWidth from "string-width";
import { afterAll, afterEach, describe, expect, test, vi } from "vitest";

const folder = mkdtempSync(join(tmpdir(), "amulet-verify-"));
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => {
  vi.unstubAllEnvs();
});

const myStep = fileURLToPath(new URL("../../../docs/verification/my-step.mjs", import.meta.url));

/** A module of somebody else's, in a file of its own. */
function subject(name: string, source: string): string {
  const path = join(folder, `${name}.mjs`);
  writeFileSync(path, source);
  return path;
}

const wrongSign = () =>
  subject("wrong-sign", readFileSync(myStep, "utf8").replace("+ lambda * log", "- lambda * log"));

interface Found {
  readonly law: string;
  readonly outcome: string;
  readonly runs: number;
  readonly worst?: { readonly error: number; readonly tolerance: number };
  readonly counterexample?: { readonly example: string; readonly seed: number; readonly path: string };
}

interface Output {
  readonly seed: number;
  readonly subjects: readonly { readonly name: string; readonly findings: readonly Found[] }[];
}

async function json(...words: string[]): Promise<{ status: number; output: Output }> {
  const { status, stdout } = await amulet(["verify", "--json", ...words]);
  return { status, output: JSON.parse(stdout) as Output };
}

describe("on backends", () => {
  test("every law is tried on cpu and wasm, holds, and leaves no tensor behind", async () => {
    const { status, output } = await json("--runs", "1", "--seed", "7");
    expect(status).toBe(0);
    expect(output.seed).toBe(7);
    expect(output.subjects.map(({ name }) => name)).toEqual(["cpu", "wasm"]);
    for (const { findings } of output.subjects) {
      const tried = new Set(findings.map(({ law }) => law));
      expect(
        listLaws()
          .map(({ name }) => name)
          .filter((name) => !tried.has(name)),
      ).toEqual(
        findings === output.subjects[0]!.findings
          ? []
          : ["optimiser-never-falls", "optimiser-keeps-its-rate"],
      );
      for (const { outcome, worst, runs } of findings) {
        expect(outcome).toBe("held");
        expect(runs).toBe(1);
        expect(worst!.error).toBeLessThanOrEqual(worst!.tolerance);
      }
    }
    const before = tf.memory().numTensors;
    await json("--runs", "1", "--backend", "wasm");
    expect(tf.memory().numTensors).toBe(before);
  });

  test("people see the worst error beside its tolerance, and a verdict", async () => {
    const { status, stdout, stderr } = await amulet([
      ...["verify", "--law", "loop-by-definition", "--law", "scale-rises"],
      ...["--backend", "wasm", "--runs", "5"],
    ]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toMatch(/wasm: WebAssembly/);
    expect(stdout).toMatch(/loop-by-definition +✓ [\d.e-]+ +≤ [\d.e-]+/);
    expect(stdout).toMatch(/Every law that was tried holds on wasm; 10 cases in \d+ s, seed 0\./);
    expect(stdout).not.toContain("\x1b");
  });

  test("a terminal shows the table as it fills, within its width and height", async () => {
    const frames: string[] = [];
    const { stdout } = await amulet(
      ["verify", "--runs", "60", "--backend", "cpu", "--law", "loop-permutes"],
      {
        isTTY: true,
        columns: 60,
        rows: 12,
        environment: { TERM: "xterm" },
        onWrite: (text) => frames.push(text),
      },
    );
    expect(frames[0]).toMatch(/━|─/);
    for (const line of frames[0]!.split("\n")) expect(stringWidth(line)).toBeLessThanOrEqual(60);
    expect(frames[0]!.split("\n").length).toBeLessThanOrEqual(12);
    expect(stdout).toContain("Every law that was tried holds on cpu");
  });

  test("an interruption ends with what is known by then", async () => {
    let noted = 0;
    const { status, stdout } = await amulet(["verify", "--runs", "1000000", "--backend", "cpu"], {
      isTTY: true,
      environment: { TERM: "xterm" },
      onWrite: (_, interrupt) => {
        noted += 1;
        if (noted === 3) interrupt();
      },
    });
    expect(status).toBe(130);
    expect(stdout).toMatch(/scale-by-definition +\S*…\S* [\d.e-]+/);
    expect(stdout).toMatch(/Interrupted: \d+ checks? held and 0 broke until then/);
  });
});

describe("on somebody's own implementation", () => {
  test("a right step keeps the laws of a step, and the others say why they are skipped", async () => {
    const { status, stdout } = await amulet(["verify", "--subject", myStep, "--runs", "40"]);
    expect(status).toBe(0);
    expect(stdout).toMatch(/step-gap-identity +✓/);
    expect(stdout).toMatch(/Skipped since my-step has no amuletLoop: loop-by-definition, loop-permutes/);
  });

  test("a wrong sign is found, shrunk to five tokens at most, and replayed by the command that is named", async () => {
    const file = wrongSign();
    const { status, stdout, stderr } = await amulet(["verify", "--subject", file]);
    expect(status).toBe(1);
    expect(stderr).toMatch(/^amulet: Broken: step-gap-identity on my-step/);
    expect(stdout).toMatch(/✗ my-step breaks the law "step-gap-identity"/);
    const replay = /replay +amulet (verify --law step-gap-identity .*)/.exec(stdout)![1]!;
    const { output } = await json(...replay.split(" ").slice(1));
    const [found] = output.subjects[0]!.findings;
    const rows = found!.counterexample!.example.match(/\[[^[\]]*\]/g)!;
    for (const row of rows) expect(row.split(",").length).toBeLessThanOrEqual(5);
    expect(found!.runs).toBe(1);
  });

  test("its slips are said in a sentence: no number, no array, no function, no module", async () => {
    const text = subject("text", 'export const guidanceScale = () => "two";');
    const { stdout } = await amulet(["verify", "--subject", text, "--law", "scale-rises"]);
    expect(stdout).toContain("guidanceScale must return a number; it returned a string");
    const misspelt = subject("misspelt", "export const amuletLop = () => [0];");
    const { stderr, status } = await amulet(["verify", "--subject", misspelt]);
    expect(stderr).toMatch(
      /must export at least one operation; it has amuletLop\. Did you mean amuletLoop\?/,
    );
    expect(status).toBe(2);
    expect(await amulet(["verify", "--subject", join(folder, "none.mjs")])).toMatchObject({ status: 2 });
  });

  test.each([
    [
      "strengthNames: () => ({ gamma: 1 })",
      "strength-names-agree",
      /strengthNames must return an object with the numbers .*; its guidanceScale is undefined/,
    ],
    [
      "boundedTilt: () => ({ gamma: 1, logPolicy: [null] })",
      "budget-met",
      /boundedTilt must return .*; its logPolicy is an array with null/,
    ],
    [
      "lossAndGradient: () => ({ loss: 1, gradient: [3] })",
      "gradient-by-differences",
      /must return .*a Map or an object of arrays.*; its gradient is an array of numbers/,
    ],
    ["lossAndGradient: () => ({ loss: 1, gradient: {} })", "gradient-by-differences", /got +none for /],
  ])("what it returns is checked field by field: %s", async (member, law, sentence) => {
    const file = subject(`fields-${law}-${member.length}`, `export default { ${member} };`);
    const { status, stdout } = await amulet(["verify", "--subject", file, "--law", law]);
    expect(status).toBe(1);
    expect(stdout).toMatch(sentence);
    expect(stdout).toMatch(/replay +amulet verify/);
  });

  test("methods of an object keep their `this`, its own as well as its class's", async () => {
    const methods = subject(
      "methods",
      `class Scale {
        start = 1;
        guidanceScale({ iterations, alpha, lambda, eta }) {
          let x = this.start;
          for (let t = 1; t <= iterations; t++) x = this.next(x, t, { alpha, lambda, eta });
          return x;
        }
        next(x) { return x; }
      }
      export default new Scale();`,
    );
    const { output } = await json("--subject", methods, "--law", "scale-starts-at-one");
    expect(output.subjects[0]!.findings).toMatchObject([{ outcome: "held" }]);
  });

  test("what forward passes leave behind is counted, and only of those that it has", async () => {
    const tensors = (left: number) =>
      subject(
        `tensors-${left}`,
        `let alive = 0; export const countTensors = () => alive;
        export const logits = (model, tokens) => { alive += ${left}; return tokens.map(() => [0]); };`,
      );
    const words = (left: number) => ["--subject", tensors(left), "--law", "no-tensor-left-by-forward"];
    expect((await json(...words(0))).output.subjects[0]!.findings).toMatchObject([{ outcome: "held" }]);
    expect((await json(...words(1))).output.subjects[0]!.findings).toMatchObject([{ outcome: "broken" }]);
  });

  test("it gets weights of its own: zeros put in their place, and returned, break the law", async () => {
    const zeros = subject(
      "zeros",
      `export const logits = ({ tensors, config }, tokens) => {
        for (const { data } of tensors.values()) data.fill(0);
        return tokens.map(() => new Array(config.vocab_size).fill(0));
      };`,
    );
    const { output } = await json("--subject", zeros, "--law", "forward-by-definition");
    expect(output.subjects[0]!.findings).toMatchObject([{ outcome: "broken" }]);
  });
});

describe("its words", () => {
  test("--list names every law with its statement and where it is from", async () => {
    const { stdout, status } = await amulet(["verify", "--list"]);
    expect(status).toBe(0);
    for (const { name, statement } of listLaws()) {
      expect(stdout).toContain(name);
      expect(stdout).toContain(statement);
      expect(stdout).toContain(lawSources[name]);
    }
  });

  test.each([
    [["--law", "loop-rest"], /There is no law "loop-rest"\. Did you mean loop-rests\? There are: scale-by/],
    [["--backend", "gpu"], /There is no backend "gpu"\..* There are: .*all/],
    [["--backends", "cpu"], /There is no option --backends\. Did you mean --backend\?/],
    [["--runs", "0"], /--runs must be a whole number of at least 1/],
    [["--path", "0:1"], /name that law with --law/],
    [["--path", "abc", "--law", "loop-rests"], /--path must be the path of a counterexample, .* it is "abc"/],
    [
      ["--path", "0:999:999", "--law", "scale-rises", "--backend", "cpu"],
      /has no case at path 0:999:999 of seed 0/,
    ],
    [["--subject", "a.mjs", "--backend", "cpu"], /Give one/],
    [["--case-timeout", "3"], /--case-timeout bounds what --subject names/],
    [["--case-timeout", "0", "--subject", "a.mjs"], /--case-timeout must be a finite number above 0/],
    [["--from", "a.json", "--case-memory", "100"], /--case-memory does nothing beside it/],
    [["--from", "a.json", "--law", "loop-rests"], /--law does nothing beside it/],
    [["--from", "a.json", "--subject", "a.mjs"], /--subject does nothing beside it/],
    [["--from", "a.json", "--runs", "3"], /--runs does nothing beside it/],
    [["--from", "a.json", "--backend", "cpu"], /--backend does nothing beside it/],
    [["--from", join(folder, "none.json")], /There is no file .*none\.json/],
    [["--from", folder], /can't be read/],
  ])("%s is wrong usage", async (words, sentence) => {
    const { status, stdout, stderr } = await amulet(["verify", ...words]);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toMatch(sentence);
  });

  test.each([
    [join(folder, "none", "report.md"), /there is no folder .*none/],
    [folder, /it is a folder; name a file in it/],
  ])("a report that can't be written to %s is refused before anything runs", async (place, sentence) => {
    const { status, stdout, stderr } = await amulet(["verify", "--report", place]);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toMatch(sentence);
  });

  test("a backend that was named and is not here is said before the first is tried", async ({ skip }) => {
    vi.stubEnv("AMULET_LIBTENSORFLOW", join(folder, "no such folder"));
    const starts = startBackend("node-gpu").then(
      () => true,
      () => false,
    );
    skip(await starts, "node-gpu is installed here, so nothing is missing");
    const frames: string[] = [];
    const words = ["verify", "--runs", "1", "--backend", "cpu", "--backend", "node-gpu"];
    const onNote = (text: string) => frames.push(text);
    const { status, stdout, stderr } = await amulet(words, { isTTY: true, onNote });
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(frames).toEqual([stderr]);
    expect(stderr).toContain("--setup-libtensorflow --gpu");
  });
});

describe("where nothing is judged", () => {
  test("a law that was named and skipped is no success", async () => {
    const words = ["verify", "--subject", myStep, "--law", "step-stationary", "--law", "loop-by-definition"];
    const { status, stderr } = await amulet([...words, "--runs", "3"]);
    expect(status).toBe(1);
    expect(stderr).toBe("amulet: Not judged although --law names it: loop-by-definition.\n");
  });

  test("nor is a file with nothing to try, and the verdict does not say so", async () => {
    const counting = subject("counting", "export const countTensors = () => 0;");
    const { status, stdout, stderr } = await amulet(["verify", "--subject", counting]);
    expect(status).toBe(1);
    expect(stdout).toMatch(/no-tensor-left +skipped/);
    expect(stdout).toMatch(/No law was judged on counting\.mjs; 0 cases/);
    expect(stdout).not.toContain("holds");
    expect(stderr).toBe("amulet: No law was judged: there was nothing to try.\n");
  });
});

describe("reports", () => {
  const words = ["verify", "--runs", "3", "--law", "loop-by-definition", "--law", "budget-met"];

  test("state seed, runs, versions, duration, and a table with every error and tolerance", async () => {
    const report = join(folder, "report.md");
    await amulet([...words, "--seed", "5", "--report", report]);
    const text = readFileSync(report, "utf8");
    expect(text).toMatch(/\| seed \| 5 \|/);
    expect(text).toMatch(/\| tfjs-core \| \d/);
    expect(text).toMatch(/\| cpu \| .*tfjs-backend-cpu \d/);
    expect(text).toMatch(/\| loop-by-definition \| [\d.e-]+ ≤ [\d.e-]+ \| 3 \| [\d.e-]+ ≤ [\d.e-]+ \| 3 \|/);
    expect(text).toContain("**Every law that was tried holds:** 4 held, 0 broken, 0 skipped.");
  });

  test("of several runs are put together, column by column", async () => {
    const files = ["cpu", "wasm"].map((backend) => [backend, join(folder, `${backend}.json`)] as const);
    for (const [backend, file] of files)
      writeFileSync(file, (await amulet([...words, "--json", "--backend", backend])).stdout);
    const froms = files.flatMap(([, file]) => ["--from", file]);
    const { status, stdout } = await amulet(["verify", ...froms]);
    expect(status).toBe(0);
    expect(stdout).toMatch(/budget-met +✓ .* ✓/);
    const other = join(folder, "other.json");
    writeFileSync(other, (await amulet([...words, "--json", "--seed", "9", "--backend", "cpu"])).stdout);
    const refused = await amulet(["verify", ...froms, "--from", other]);
    expect(refused).toMatchObject({ status: 2, stdout: "" });
    expect(refused.stderr).toMatch(/same seed/);
  });

  test("are put together with breaches on NaN and ∞, and each is replayed on what it was found on", async () => {
    const boundless = subject("it's boundless", "export const guidanceScale = () => Infinity;");
    const none = subject("none", "export const guidanceScale = () => NaN;");
    const froms: string[] = [];
    for (const [i, file] of [boundless, none].entries()) {
      const found = await amulet([
        "verify",
        "--json",
        "--subject",
        file,
        "--runs",
        "4",
        "--seed",
        "0",
        "--law",
        "scale-by-definition",
      ]);
      froms.push("--from", join(folder, `found-${i}.json`));
      writeFileSync(froms.at(-1)!, found.stdout);
    }
    const report = join(folder, "joined.md");
    const { status, stdout, stderr } = await amulet(["verify", ...froms, "--report", report]);
    expect(status).toBe(1);
    expect(stderr).toMatch(/^amulet: Broken: /);
    expect(stdout).toMatch(
      /^1 law on it's boundless\.mjs and none\.mjs, put together; up to .*: 4; seed 0\n/,
    );
    expect(stdout).toMatch(/scale-by-definition +✗ ∞ .* ✗ NaN/);
    const quoted = boundless.replaceAll("'", "'\\''");
    for (const text of [stdout, readFileSync(report, "utf8")]) {
      expect(text).toContain(`--law scale-by-definition --subject '${quoted}' --seed 0`);
      expect(text).toContain(`--law scale-by-definition --subject ${none} --seed 0`);
    }
  });

  test("that are not what --json writes are refused by the field that is wrong", async () => {
    const file = join(folder, "wrong.json");
    const words = ["verify", "--json", "--runs", "1", "--backend", "cpu", "--law", "scale-rises"];
    const right = JSON.parse((await amulet(words)).stdout);
    writeFileSync(file, JSON.stringify({ ...right, subjects: [1] }));
    const { status, stdout, stderr } = await amulet(["verify", "--from", file]);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toMatch(
      /wrong\.json is not what .* writes\. subjects\[0\] must be an object; it is 1\.\n$/,
    );
  });

  test("of others are printed without what would command a terminal", async () => {
    const file = join(folder, "evil.json");
    const words = ["verify", "--json", "--runs", "1", "--backend", "cpu", "--law", "scale-rises"];
    const right = JSON.parse((await amulet(words)).stdout);
    writeFileSync(
      file,
      JSON.stringify({ ...right, subjects: [{ ...right.subjects[0], name: "c\x1b[2Jpu" }] }),
    );
    const { status, stdout } = await amulet(["verify", "--from", file]);
    expect(status).toBe(0);
    expect(stdout).toContain("c[2Jpu");
    expect(stdout).not.toContain("\x1b");
  });

  test("that were interrupted are no success when they are put together", async () => {
    const file = join(folder, "interrupted.json");
    const words = ["verify", "--json", "--runs", "1", "--backend", "cpu", "--law", "scale-rises"];
    const right = JSON.parse((await amulet(words)).stdout);
    right.subjects[0].findings[0].outcome = "interrupted";
    writeFileSync(file, JSON.stringify(right));
    const { status, stderr } = await amulet(["verify", "--from", file]);
    expect(status).toBe(1);
    expect(stderr).toMatch(/interrupted before every law was judged/);
  });

  test("name the commit where the environment does", async () => {
    const words = ["verify", "--json", "--runs", "1", "--backend", "cpu", "--law", "scale-rises"];
    const { stdout } = await amulet(words, { environment: { GIT_COMMIT: "abc" } });
    expect(JSON.parse(stdout).software).toMatchObject({ commit: "abc", amulet: expect.any(String) });
    expect(JSON.parse((await amulet(words)).stdout).software).not.toHaveProperty("commit");
  });

  test("show a broken law with its case", async () => {
    const report = join(folder, "broken.md");
    await amulet([
      "verify",
      "--subject",
      wrongSign(),
      "--law",
      "step-normalised",
      "--law",
      "step-by-ascent",
      "--report",
      report,
    ]);
    const text = readFileSync(report, "utf8");
    expect(text).toContain("**Not every law holds:** 1 held, 1 broken");
    expect(text).toMatch(
      /## step-by-ascent on my-step[\s\S]*smallest case[\s\S]*replay +amulet verify --law step-by-ascent/,
    );
  });
});
