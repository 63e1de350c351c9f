/** The command as a process of its own: what signals and closed pipes do. */
import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from "node:child_process";
import { closeSync, existsSync, openSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";
import { describe, expect, test } from "vitest";

const entry = fileURLToPath(new URL("../packages/cli/bin/amulet.js", import.meta.url));
const built = fileURLToPath(new URL("../packages/cli/dist/main.js", import.meta.url));
const model = fileURLToPath(new URL("../../shared/models/SmolLM2-135M-Instruct.Q4_1.gguf", import.meta.url));

const answer = ["generate", "How do I make a cup of tea?", "--method", "base", "--model", model];

interface End {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

function start(words: readonly string[]): ChildProcessWithoutNullStreams {
  return spawn(process.execPath, [entry, ...words]);
}

async function end(child: ChildProcessWithoutNullStreams): Promise<End> {
  const written = { stdout: "", stderr: "" };
  child.stdout.on("data", (text) => {
    written.stdout += text;
  });
  child.stderr.on("data", (text) => {
    written.stderr += text;
  });
  const [status, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve) => {
    child.on("close", (...ending) => resolve(ending));
  });
  return { status, signal, ...written };
}

describe("the amulet process (needs a build, which `npm test` makes)", { skip: !existsSync(built) }, () => {
  test("wrong usage gives 2, and what is asked for 0", async () => {
    const [wrong, right] = [start(["strength", "--alpha", "NaN"]), start(["strength", "--json"])].map(end);
    expect(await wrong).toMatchObject({ status: 2, stdout: "" });
    expect(await right).toMatchObject({ status: 0, stderr: "" });
  });

  test("standard input can be a pipe", async () => {
    const child = start(["policy", "--input", "-"]);
    child.stdin.end('{"baseLogits": [[0, 1]], "preferenceLogits": [[1, 0]]}');
    const { status, stdout } = await end(child);
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toHaveProperty("policy");
  });

  const brief = ["--preference", "Be brief."];
  test.each([
    ["SIGINT", 130, ["generate", "-", ...brief]],
    ["SIGTERM", 143, ["policy", "--input", "-"]],
  ] as const)("%s ends it while it reads standard input: status %i", async (signal, status, words) => {
    const child = start(words);
    // More than a pipe holds: once it is written, somebody reads. And the input stays open.
    child.stdin.write("x".repeat(2 ** 22), () => child.kill(signal));
    expect(await end(child)).toEqual({ status, signal: null, stdout: "", stderr: "" });
  });

  test.each([
    ["ISO 8859-1", Buffer.from("Tea,\nor caf\xe9\n?", "latin1"), "0xE9", 2],
    ["cut within a character", Buffer.from("Tea in a café").subarray(0, -1), "0xC3", 1],
  ])("a question in other bytes than UTF-8's is refused: %s", async (_, question, byte, line) => {
    const child = start(["generate", "-", ...brief]);
    child.stdin.end(question);
    const { status, stdout, stderr } = await end(child);
    expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
    expect(stderr).toMatch(
      new RegExp(
        `^amulet: Standard input must be text in UTF-8, and the byte ${byte} on line ${line} \\(byte `,
      ),
    );
  });
});

describe("a computation that never lets the event loop turn (needs a build)", {
  skip: !existsSync(built),
}, () => {
  const signals = fileURLToPath(new URL("../packages/cli/dist/signals.js", import.meta.url));
  /** Hears signals as the command does, and computes for ever as soon as the thread that watches is there. */
  const spin = (patienceSeconds: number) => `
    import { hearSignals } from ${JSON.stringify(pathToFileURL(signals).href)};
    const { aborted, waitFor } = hearSignals();
    waitFor(${patienceSeconds});
    while (process.listenerCount("SIGINT") > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    console.log("spinning");
    for (;;);`;
  const startSpinning = async (patienceSeconds: number) => {
    const words = ["--input-type=module", "-e", spin(patienceSeconds)];
    const child = spawn(process.execPath, words);
    await new Promise((resolve) => child.stdout.once("data", resolve));
    return child;
  };

  test.each(["SIGINT", "SIGTERM"] as const)("%s ends it, when its patience is over", async (signal) => {
    const child = await startSpinning(0.2);
    child.kill(signal);
    expect(await end(child)).toMatchObject({ status: null, signal, stderr: "" });
  });

  test("a second one ends it although there is patience left", async () => {
    const child = await startSpinning(1000);
    child.kill("SIGINT");
    setTimeout(() => child.kill("SIGINT"), 100);
    expect(await end(child)).toMatchObject({ status: null, signal: "SIGINT", stderr: "" });
  });
});

describe("a terminal whose cursor is hidden (needs a build)", { skip: !existsSync(built) }, () => {
  const ofBuild = (file: string) =>
    JSON.stringify(new URL(`../packages/cli/dist/${file}`, import.meta.url).href);
  /** Draws one frame and then, with the thread that watches there or not, goes on for ever, or ends. */
  const draw = (then: string) => `
    import { processIo } from ${ofBuild("io.js")};
    import { LiveArea } from ${ofBuild("terminal/live-area.js")};
    const { stderr } = processIo();
    while (process.listenerCount("SIGINT") > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    const area = new LiveArea(stderr);
    area.draw(() => ["a frame"]);
    ${then}`;
  const shown = "\x1b[?25h";

  test.each([
    ["that the command hears", "setInterval(() => {}, 1000);"],
    ["that it does not hear", "for (;;);"],
  ])("a second signal, %s, leaves it shown", async (_, then) => {
    const child = spawn(process.execPath, ["--input-type=module", "-e", draw(then)]);
    child.stderr.once("data", () => {
      child.kill("SIGINT");
      setTimeout(() => child.kill("SIGINT"), 100);
    });
    expect((await end(child)).stderr.endsWith(shown)).toBe(true);
  });

  test("an end that nobody saw coming does too; one after the last frame adds nothing", async () => {
    const ends = ["process.exit(3);", 'area.finish(["done"]); process.exit(3);'].map((then) =>
      end(spawn(process.execPath, ["--input-type=module", "-e", draw(then)])),
    );
    const [early, whole] = await Promise.all(ends);
    expect([early!.status, early!.stderr.endsWith(shown)]).toEqual([3, true]);
    expect([whole!.status, whole!.stderr.split(shown).length]).toEqual([3, 2]);
  });
});

describe("a command that hears its signal in time (needs a build)", { skip: !existsSync(built) }, () => {
  test.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)("%s: status %i", async (signal, status) => {
    const child = start(["verify", "--runs", "100000"]);
    setTimeout(() => child.kill(signal), 2000);
    expect(await end(child)).toMatchObject({ status, signal: null });
  });
});

describe("a word of megabytes (needs a build)", { skip: !existsSync(built) }, () => {
  const word = "thequickbrownfoxjumps".repeat(760_000);
  // Its merges take twice as long as the signal's patience, or more, in which no event is heard; the template before it has a bound of its own.
  test.each(["SIGINT", "SIGTERM"] as const)("is left at %s", async (signal) => {
    const child = start(["tokenize", "--chat", "-"]);
    child.stdin.end(JSON.stringify({ messages: [{ role: "user", content: word }] }));
    setTimeout(() => child.kill(signal), 1500);
    const ended = await end(child);
    expect([ended.stdout.length, ended.stderr]).toEqual([0, ""]);
    expect(ended.signal ?? ended.status).toBe(ended.signal ? signal : { SIGINT: 130, SIGTERM: 143 }[signal]);
  });
});

describe("an output that is full (needs a build, and a device that is always full)", {
  skip: !existsSync(built) || !existsSync("/dev/full"),
}, () => {
  test.each([[["strength"]], [["strength", "--json"]], [["--help"]]])(
    "%j: status 1 and a sentence",
    (words) => {
      const full = openSync("/dev/full", "w");
      const stdio = ["ignore", full, "pipe"] as const;
      const { status, stderr } = spawnSync(process.execPath, [entry, ...words], {
        stdio: [...stdio],
        encoding: "utf8",
      });
      closeSync(full);
      expect(status).toBe(1);
      expect(stderr).toBe(
        "amulet: standard output can't be written: there is no room left on the disk (ENOSPC). What came out so far is not whole.\n",
      );
    },
  );

  test("a standard error that is full changes nothing but the status", () => {
    const full = openSync("/dev/full", "w");
    const { status, stdout } = spawnSync(process.execPath, [entry, "strength", "--alpha", "x"], {
      stdio: ["ignore", "pipe", full],
      encoding: "utf8",
    });
    closeSync(full);
    expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
  });
});

// A real model: its answers take long enough to be interrupted.
describe("an answer under way (needs a build and ../shared/models)", {
  skip: !existsSync(built) || !existsSync(model),
}, () => {
  test("Ctrl-C leaves what was generated, ends the line and gives 130", async () => {
    const child = start(answer);
    child.stdout.once("data", () => child.kill("SIGINT"));
    const { status, signal, stdout, stderr } = await end(child);
    expect({ status, signal, stderr }).toEqual({ status: 130, signal: null, stderr: "" });
    expect(stdout).toMatch(/^To.*\n$/s);
    expect(stdout.length).toBeLessThan(200);
  });

  test("Ctrl-C gives no JSON", async () => {
    const child = start([...answer, "--json"]);
    setTimeout(() => child.kill("SIGINT"), 2000);
    expect(await end(child)).toMatchObject({ status: 130, stdout: "", stderr: "" });
  });

  test("a reader that goes away ends it quietly", async () => {
    const child = start(answer);
    child.stdout.once("data", () => child.stdout.destroy());
    expect(await end(child)).toMatchObject({ status: 0, stderr: "" });
  });
});
