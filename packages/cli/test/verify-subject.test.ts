/** The verifier under people who would talk it into a pass, and under code that is merely broken. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { amulet } from "@amulet-ts/testing/cli/fake-io";
import { afterAll, describe, expect, test } from "vitest";

const folder = mkdtempSync(join(tmpdir(), "amulet-subject-"));
afterAll(() => rmSync(folder, { recursive: true }));

const myStep = fileURLToPath(new URL("../../../docs/verification/my-step.mjs", import.meta.url));
/** A right step, under the name `right`. */
const right = readFileSync(myStep, "utf8").replace("export function closedFormStep", "function right");

let files = 0;
/** A module with the right step at hand. */
function subject(source: string): string {
  const path = join(folder, `subject-${files++}.mjs`);
  writeFileSync(path, `${right}\n${source}`);
  return path;
}

const laws = ["--law", "step-stationary"];
const judge = (source: string, words: readonly string[] = []) =>
  amulet(["verify", "--subject", subject(source), "--runs", "30", ...laws, ...words]);

const step = (body: string) => `export async function closedFormStep(rows, settings) { ${body} }`;
const patience = ["--case-timeout", "3"];
const seed = ["--seed", "5"];

/** What the subject is, its source, what is said of it, and the words that it needs. */
const dishonest: readonly (readonly [string, string, RegExp, (readonly string[])?])[] = [
  ["exits as if all were well", step("process.exit(0);"), /its process ended with status 0/],
  [
    "exits and leaves a process that holds its pipes",
    `import { spawn } from "node:child_process";
     ${step('spawn(process.execPath, ["-e", "setTimeout(() => {}, 5000)"], { stdio: "inherit", detached: true }); process.exit(0);')}`,
    /its process ended with status 0/,
  ],
  ["ends itself by a signal", step('process.kill(process.pid, "SIGKILL");'), /ended by SIGKILL/],
  ["loops for ever", step("for (;;);"), /closedFormStep: no answer within 3 s/, patience],
  ["never settles", step("return new Promise(() => {});"), /no answer within 3 s/, patience],
  [
    "is right and slow by turns",
    `let calls = 0; ${step("if (++calls % 7 === 0) for (;;); return right(rows, settings);")}`,
    /no answer within 3 s/,
    patience,
  ],
  [
    "is asleep when it crashes",
    step('setTimeout(() => { throw new Error("later"); }, 5); return right(rows, settings);'),
    /its process ended with status 1, having said: .*later/,
  ],
  ["throws null", step("throw null;"), /closedFormStep threw null/],
  [
    "throws what can't be said",
    step("throw { toString() { throw new Error(); } };"),
    /threw something that can't be put into words/,
  ],
  ["answers null", step("return null;"), /must return an array of numbers; it returned null/],
  ["answers an object", step("return {};"), /it returned an object/],
  ["answers texts", step("return (await right(rows, settings)).map(String);"), /an array with a string/],
  ["answers an array that is too short", step("return right(rows, settings).slice(1);"), /✗/],
  [
    "answers an array without end",
    step("return new Array(2 ** 22 + 1).fill(0);"),
    /array of 4194305 entries/,
  ],
  ["answers a hole", step("return new Array(rows.logReference.length);"), /an array with undefined/],
  ["answers NaN", step("return rows.logReference.map(() => NaN);"), /got +\[?NaN/],
  ["answers −∞", step("return rows.logReference.map(() => -Infinity);"), /✗/],
  [
    "answers getters that know who asks",
    step(
      `let reads = 0; const row = right(rows, settings);
       return Object.defineProperty(row, 0, { get: () => (reads++ > 0 ? -1 : NaN) });`,
    ),
    /got +\[?NaN/,
  ],
  [
    "answers a proxy",
    step(
      `return new Proxy(right(rows, settings), { get: (row, key) => key === "length" ? row.length : 0 });`,
    ),
    /✗/,
  ],
  [
    "changes its arguments",
    step(
      "rows.logCurrent[0] += 1; return right({ ...rows, logCurrent: [...rows.logCurrent.with(0, rows.logCurrent[0] - 1)] }, settings);",
    ),
    /closedFormStep: it changed its arguments/,
  ],
  [
    "changes its arguments when it has answered",
    `const kept = []; ${step("for (const row of kept) row.fill(0); kept.push(rows.logCurrent); return right(rows, settings);")}`,
    /closedFormStep, later: it changed its arguments/,
  ],
  [
    "keeps its arguments and answers those of before",
    `let kept; ${step(
      `const was = kept ?? rows; kept = rows;
       const fit = (row) => rows.logReference.map((_, a) => row[a % row.length]);
       const { meanUtility, logReference, logCurrent } = was;
       return right({ meanUtility: fit(meanUtility), logReference: fit(logReference), logCurrent: fit(logCurrent) }, settings);`,
    )}`,
    /✗/,
  ],
  [
    "replaces what a judge would use",
    `Math.max = () => -5; Math.abs = () => 0; Number.isFinite = () => true; Array.prototype.every = () => true;
     JSON.parse = () => ({}); ${step("return rows.logReference.map(() => 0);")}`,
    /✗/,
  ],
  [
    "answers on the pipe by itself",
    `import { writeSync } from "node:fs";
     ${step(`writeSync(3, '{"id":1,"value":"AAAAAAAAAAA="}\\n{"id":999}\\n'); return right(rows, settings);`)}`,
    /✗|an answer to nothing/,
  ],
  [
    "writes rubbish on the pipe",
    `import { writeSync } from "node:fs"; ${step('writeSync(3, "rubbish\\n"); return right(rows, settings);')}`,
    /an answer to nothing/,
  ],
  [
    "prints without end",
    step('for (;;) { console.log("x".repeat(10_000)); await new Promise(setImmediate); }'),
    /printed more than 1 MB in one case/,
  ],
  [
    "takes memory without end",
    step("const all = []; for (;;) all.push(new Array(10_000).fill(1.5));"),
    /its memory grew past 192 MB/,
    ["--case-memory", "192"],
  ],
  [
    "takes memory outside of the heap",
    step("const all = []; for (;;) all.push(Buffer.alloc(2 ** 22, 1));"),
    /its memory grew past 192 MB/,
    ["--case-memory", "192"],
  ],
  [
    "is right ten times",
    `let calls = 0; ${step("const row = right(rows, settings); if (++calls > 10) row[0] += 1; return row;")}`,
    /✗/,
  ],
];

describe.concurrent("a subject that", () => {
  test.for(dishonest)("%s does not pass", async ([, source, sentence, words = []]) => {
    const { status, stdout, stderr } = await judge(source, [...seed, ...words]);
    expect(stdout).toMatch(sentence);
    expect(stderr).toMatch(/^amulet: Broken: /);
    expect(status).toBe(1);
  });

  test.each([
    ["exits while it is loaded", "process.exit(0);", /can't be imported .*ended with status 0/],
    ["loops while it is loaded", "for (;;);", /can't be imported .*no answer within 3 s/],
    ["throws while it is loaded", 'throw new Error("no\\x1b[2J");', /Error: no\\x1b\[2J\.\n/],
    [
      "claims the coarsest type there is",
      "export const unitRoundoff = 0.9;",
      /at most 2 \*\* -8; it is 0\.9/,
    ],
    ["claims a type that is none", "export const unitRoundoff = [];", /it is an array of numbers/],
  ])("%s is not judged, and that is no success", async (_, source, sentence) => {
    const { status, stdout, stderr } = await judge(
      `${source}\n${step("return right(rows, settings);")}`,
      patience,
    );
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toMatch(sentence);
  });

  test.each([
    ["answers at once", "export const closedFormStep = right;"],
    ["answers later", step("await new Promise((r) => setTimeout(r, 1)); return right(rows, settings);")],
    ["answers typed arrays", step("return Float64Array.from(right(rows, settings));")],
    ["prints a little", step('console.log("here"); return right(rows, settings);')],
    ["has its own Math", `Math.max = Math.max.bind(Math); ${step("return right(rows, settings);")}`],
  ])("%s, and is right, passes", async (_, source) => {
    const { status, stdout, stderr } = await judge(source, seed);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toMatch(/Every law that was tried holds on my-step; 20 cases/);
  });
});

test("a table of the answers to known cases passes on them alone: without --seed nobody knows the cases", async () => {
  const table = join(folder, "table.jsonl");
  const recorder = `import { appendFileSync } from "node:fs";
    ${step(`const row = right(rows, settings);
      appendFileSync(${JSON.stringify(table)}, JSON.stringify([JSON.stringify([rows, settings]), row]) + "\\n"); return row;`)}`;
  expect((await judge(recorder, ["--seed", "0"])).status).toBe(0);
  const parrot = `import { readFileSync } from "node:fs";
    const seen = new Map(readFileSync(${JSON.stringify(table)}, "utf8").trim().split("\\n").map((line) => JSON.parse(line)));
    ${step("return seen.get(JSON.stringify([rows, settings])) ?? rows.logReference;")}`;
  expect((await judge(parrot, ["--seed", "0"])).status).toBe(0);
  expect((await judge(parrot)).status).toBe(1);
});

test("what it claims of itself is said beside its name", async () => {
  const { stdout } = await judge(`${step("return right(rows, settings);")}
    export const unitRoundoff = 2 ** -24; export const budgetSlack = () => 0;`);
  expect(stdout).toMatch(/my-step: .*, which claims unit roundoff 2\^-24 and a part of its budgets unused\n/);
});

test("its words reach no terminal as commands", async () => {
  const evil = "\\x1b]0;title\\x07\\x1b[2J\\u202eevil";
  const { stdout, stderr } = await amulet([
    "verify",
    "--subject",
    subject(
      `${right.includes("export const name") ? "" : ""}${step(`throw new Error("${evil}");`)}
      export default { name: "${evil}", "odd${evil}"() {} };`.replace("export default", "export default"),
    ),
    ...laws,
  ]);
  for (const text of [stdout, stderr]) expect(text).not.toMatch(/(?!\n)\p{Cc}|\u202e/u);
  expect(stdout).toContain(`threw Error: ${evil}`);
  expect(stderr).toContain(`No law knows odd${evil}`);
});

test("Ctrl-C ends a subject that never answers", async () => {
  const { status, stdout } = await amulet(
    ["verify", "--subject", subject(step("for (;;);")), ...laws, "--case-timeout", "100000"],
    {
      isTTY: true,
      environment: { TERM: "xterm" },
      onWrite: (_, interrupt) => setTimeout(interrupt, 300),
    },
  );
  expect(status).toBe(130);
  expect(stdout).toMatch(/Interrupted: 0 checks held and 0 broke until then/);
});
