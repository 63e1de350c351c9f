/** `amulet eval` on the embedded model and a question or two. */
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RunSummary } from "@amulet-ts/eval";
import { amulet } from "@amulet-ts/testing/cli/fake-io";
import { writeRewardFolder } from "@amulet-ts/testing/reference/reward-folder";
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from "vitest";

let folder = "";
let config = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "amulet-eval-"));
  config = join(folder, "small.yaml");
  await writeFile(
    config,
    "questions: { source: lab, limit: 3 }\nmethods: [{ method: base }, { method: pref }, { method: bounded, nats: 0.5 }]\nanswers: { maxNewTokens: 60 }\n",
  );
});
afterEach(() => rm(folder, { recursive: true }));

const evaluate = (...words: string[]) => amulet(["eval", ...words]);
const run = (out: string, ...words: string[]) =>
  evaluate("run", "--config", config, "--out", join(folder, out), "--backend", "wasm", ...words);

const scoresOf = (report: string) =>
  (JSON.parse(report) as RunSummary<"preference">).groups.map(({ preference, settings }) =>
    settings.map(({ key, summary }) => [preference, key, summary.preference, summary.tokens]),
  );

describe("eval", () => {
  test("run answers, scores and reports; report says the same, status that all is done", async () => {
    const { status, stdout, stderr } = await run("a", "--json");
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const summary = JSON.parse(stdout) as RunSummary<"preference">;
    expect(summary).toMatchObject({ questions: 3, answers: 9, missing: 0, scorer: "lab" });
    const all = summary.groups.find(({ preference }) => preference === null)!;
    const [base, pref, bounded] = all.settings.map((one) => one.summary.preference!.mean);
    expect(base).toBeLessThan(pref!);
    expect(pref).toBeLessThan(bounded!);
    expect(JSON.parse((await evaluate("report", join(folder, "a"), "--json")).stdout)).toEqual(summary);
    expect(await readdir(join(folder, "a"))).toEqual(expect.arrayContaining(["report.json", "report.md"]));
    const page = await readFile(join(folder, "a", "report.html"), "utf8");
    expect(page).toMatch(/^<!doctype html>[\s\S]*<\/html>\n$/);
    expect(page).not.toMatch(/NaN|undefined|https?:\/\/(?!www\.w3\.org)/);
    const state = JSON.parse((await evaluate("status", join(folder, "a"), "--json")).stdout);
    expect(state).toMatchObject({ done: 9, total: 9, workers: {} });
  });

  test("a run that is there is gone on with, without its config", async () => {
    await run("a", "--shard", "1/2");
    const out = join(folder, "a");
    const before = await readFile(join(out, "answers.1-of-2.jsonl"), "utf8");
    const { status, stdout } = await evaluate("run", "--out", out, "--shard", "2/2");
    expect(status).toBe(0);
    expect(stdout).toContain("3 questions · 9 answers");
    expect(await readFile(join(out, "answers.1-of-2.jsonl"), "utf8")).toBe(before);
  });

  test("another scorer in the config judges the answers that are there, and reports stay with it", async () => {
    await writeFile(config, (await readFile(config, "utf8")).replace("60", "12"));
    await run("a");
    const out = join(folder, "a");
    const before = await readFile(join(out, "answers.1-of-1.jsonl"), "utf8");
    await writeFile(config, `${await readFile(config, "utf8")}scores: quality\n`);
    const { status, stdout } = await run("a", "--json");
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ scorer: "quality", answers: 9 });
    expect(await readFile(join(out, "answers.1-of-1.jsonl"), "utf8")).toBe(before);
    expect(JSON.parse((await evaluate("report", out, "--json")).stdout)).toEqual(JSON.parse(stdout));
  });

  test("a share without a question has nothing to do, and says so", async () => {
    const told = /^amulet: share 4\/4 is empty, as the run has 3 questions/m;
    const empty = await run("a", "--shard", "4/4");
    expect(empty).toMatchObject({ status: 0, stdout: "", stderr: expect.stringMatching(told) });
    await run("a", "--shard", "1/4");
    const beside = await run("a", "--shard", "4/4");
    expect(beside).toMatchObject({ status: 0, stderr: expect.stringMatching(told) });
    expect(beside.stdout).toContain("3 answers");
  });

  test("shares are joined; what is missing is told", async () => {
    await run("a", "--shard", "1/2");
    await run("b", "--shard", "2/2");
    const [a, b, all] = ["a", "b", "all"].map((name) => join(folder, name));
    const lacking = await evaluate("merge", a!, "--out", all!);
    expect(lacking).toMatchObject({ status: 1, stderr: expect.stringContaining("3 of 9 answers") });
    expect((await evaluate("merge", a!, b!, "--out", all!)).stdout).toBe(`9 answers in ${all}\n`);
    const whole = await run("whole", "--json");
    const { stdout } = await evaluate("report", all!, "--json");
    // Drift differs in its last bits: sums depend on what is computed beside them.
    expect(scoresOf(stdout)).toEqual(scoresOf(whole.stdout));
  });

  test("a run beside itself has not changed; beside another, by as much as it did", async () => {
    await run("a");
    const [a, b] = [join(folder, "a"), join(folder, "b")];
    const same = JSON.parse((await evaluate("report", a, "--against", a, "--json")).stdout);
    for (const { same: share, scores } of same.changes) {
      expect(share).toBe(1);
      expect(scores.preference).toMatchObject({ difference: { mean: 0, low: 0, high: 0 }, p: 1 });
    }
    await writeFile(config, (await readFile(config, "utf8")).replace("60", "12"));
    await run("b");
    const { stdout } = await evaluate("report", b, "--against", a);
    expect(stdout).toMatch(/^dial 1 +3 +0 % +−0\.\d{3} \[/m);
  });

  test("goes out as CSV, JSON lines and LaTeX", async () => {
    await run("a");
    const out = async (format: string) =>
      (await evaluate("export", join(folder, "a"), "--format", format)).stdout;
    expect((await out("csv")).split("\r\n")).toHaveLength(11);
    expect((await out("csv")).split("\r\n")[0]).toMatch(/^question_id,question,preference,setting,sample,/);
    const lines = (await out("jsonl"))
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(lines).toHaveLength(9);
    for (const { text, ends } of lines) expect(ends.at(-1)).toBe(text.length);
    expect(await out("latex")).toMatch(/\\toprule[\s\S]+KL \$\\leq\$ 0\.5 & \d\.\d\d/);
  });

  test("answers are measured by their model and rated by a reward model; reports tell both", async () => {
    const brief = (await readFile(config, "utf8")).replace("60", "12");
    await writeFile(config, `${brief}measures: { likelihood: true }\n`);
    const out = join(folder, "a");
    const { stdout } = await run("a", "--json");
    const { measures } = JSON.parse(stdout) as RunSummary;
    expect(measures).toEqual(expect.arrayContaining(["logPerplexity", "questionLikelihood"]));
    const reward = await writeRewardFolder("armorm");
    onTestFinished(() => rm(reward, { recursive: true }));
    const rate = (...words: string[]) =>
      evaluate("judge", out, "--reward", reward, "--backend", "wasm", "--json", ...words);
    const rated = JSON.parse((await rate()).stdout) as RunSummary;
    expect(rated.measures).toContain("reward");
    const means = ({ groups }: RunSummary) => groups[0]!.settings.map(({ summary }) => summary.reward!.mean);
    expect(new Set(means(rated)).size).toBe(3);
    expect(means(JSON.parse((await rate("--reward-head", "6")).stdout))).not.toEqual(means(rated));
    expect(await rate("--reward-head", "19")).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("19 heads"),
    });
    expect(await readFile(join(out, "report.html"), "utf8")).not.toMatch(/NaN|undefined|left:-/);
  });

  test("in a terminal, intervals stand beside every compared mean", async () => {
    const { stdout } = await run("a");
    expect(stdout).toMatch(/^pref +\*? +0\.\d{3} \[0\.\d{3}, 0\.\d{3}\]/m);
    expect(stdout).toContain("preference by preference");
  });

  test.each([
    [["eval"], 2, /What shall `amulet eval` do/],
    [["eval", "stats"], 2, /Did you mean status/],
    [["eval", "status", "--shard", "1/2"], 2, /--shard does nothing with `amulet eval status`/],
    [["eval", "status", "nowhere"], 1, /no run in nowhere/],
    [["eval", "run", "--shard", "3/2"], 1, /I\/N/],
    [["eval", "merge", "x"], 2, /--out FOLDER/],
    [["eval", "merge", "--out", "x"], 2, /Which folders/],
    [["eval", "report", "x", "y"], 2, /one folder/],
  ])("%j is refused in a sentence", async (words, status, sentence) => {
    expect(await amulet(words)).toMatchObject({
      status,
      stdout: "",
      stderr: expect.stringMatching(sentence),
    });
  });

  test.each([
    ["scores: magic", 2, /no scorer "magic"/],
    [
      "scores: computed\npreferences: [{ name: nice, text: Be nice. }]\nquestions: { source: everyday }",
      1,
      /No score is computed for the preference "nice"/,
    ],
    ["questions: { source: nowhere.jsonl }", 1, /nowhere\.jsonl is no set of questions/],
  ])("a config with %s is refused before an answer", async (text, expected, sentence) => {
    await writeFile(config, text);
    const { status, stderr } = await run("a");
    expect({ status, stderr }).toEqual({ status: expected, stderr: expect.stringMatching(sentence) });
  });
});

test.each([
  [["eval", "judge", "x"], /Who shall judge/],
  [["eval", "judge", "x", "--judge", "nowhere", "--judge-model", "m"], /must be an address/],
  [["eval", "judge", "x", "--judge", "http://h/v1", "--reward", "m"], /two ways to judge/],
  [
    ["eval", "judge", "x", "--reward", "m", "--rubric", "r.txt"],
    /--rubric does nothing where a reward model .* --judge/,
  ],
  [
    ["eval", "judge", "x", "--reward", "m", "--max-cost", "1"],
    /--max-cost does nothing where a reward model/,
  ],
  [
    ["eval", "judge", "x", "--judge", "http://h/v1", "--judge-model", "j", "--threads", "2"],
    /--threads .* --reward/,
  ],
  [
    ["eval", "judge", "x", "--judge", "http://h/v1", "--judge-model", "m", "--max-cost", "-1"],
    /--max-cost must be/,
  ],
])("%j is wrong usage", async (words, sentence) => {
  expect(await amulet(words)).toMatchObject({ status: 2, stderr: expect.stringMatching(sentence) });
});

test("eval judge asks a server in both orders and tells wins with an interval", async () => {
  const requests: unknown[] = [];
  const server = createServer(async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    requests.push(request.headers.authorization);
    response.end(JSON.stringify({ choices: [{ message: { content: "A" } }] }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    await run("a");
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
    const words = ["eval", "judge", join(folder, "a"), "--judge", url, "--judge-model", "m"];
    const environment = { AMULET_JUDGE_API_KEY: "key" };
    const dear = await amulet([...words, "--max-requests", "1"], { environment });
    expect(dear).toMatchObject({ status: 1, stderr: expect.stringMatching(/nothing was asked/) });
    const { status, stdout } = await amulet([...words, "--json"], { environment });
    expect(status).toBe(0);
    const { settings } = JSON.parse(stdout);
    expect(settings.map(({ setting }: { setting: string }) => setting)).toEqual(["dial 0", "bounded 0.5"]);
    for (const one of settings)
      expect(one).toMatchObject({ winRate: { mean: 0.5, low: 0.5, high: 0.5 }, orderAgreement: 0, pairs: 3 });
    expect(requests).toEqual(Array.from({ length: 12 }, () => "Bearer key"));
    expect((await amulet(words, { environment })).stdout).toMatch(/^KL ≤ 0\.5 +0\.500 \[0\.500, 0\.500\]/m);
    expect(requests).toHaveLength(12);
  } finally {
    server.close();
  }
});
