/** The page that `amulet serve` gives, in headless Chromium: the server's model answers in it, and explains itself exactly. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { boundedMethod, type Engine, generate, guidanceMethod, type Method } from "@amulet-ts/core";
import { openEngine } from "@amulet-ts/engines";
import { readPageFile } from "@amulet-ts/explorer";
import { type RunningServer, startServer } from "@amulet-ts/server";
import { TopModel } from "@amulet-ts/testing/models/top-model";
import { oracles } from "@amulet-ts/verify";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { texts } from "../../packages/explorer/page/texts.js";
import { firstState, mostNats, readState } from "../../packages/explorer/src/state.js";
import { axe, violations } from "../browser/axe.js";
import { chromiumFlags, chromiumPath } from "../browser/chromium.js";
import { turnDial } from "../browser/turn-dial.js";

const run = promisify(execFile);
const isBuilt = (await readPageFile("/")) !== undefined;
const { question, preference } = firstState;

describe.skipIf(!chromiumPath || !isBuilt)(
  "the page of a server in Chromium (needs Chromium, and `npm run build`)",
  () => {
    let browser: Browser;
    let engine: Engine;
    let server: RunningServer | undefined;
    let page: Page;
    let asked: string[];
    let complaints: string[];

    beforeAll(async () => {
      engine = await openEngine({ backend: "wasm" });
      browser = await chromium.launch({ executablePath: chromiumPath!, args: chromiumFlags });
    });
    afterAll(async () => {
      await browser?.close();
      await engine?.dispose();
    });
    afterEach(async () => {
      await page?.context().close();
      await server?.close(0);
    });

    async function open(hash = "", apiKey?: string, given: Engine = engine) {
      const told = { server: apiKey === undefined ? "open" : "key" } as const;
      const options = {
        name: "org/served",
        port: 0,
        apiKey,
        page: (path: string) => readPageFile(path, told),
      };
      server = await startServer({ engine: given, ...options });
      await server.ready;
      const permissions = ["clipboard-read", "clipboard-write"];
      page = await (await browser.newContext({ reducedMotion: "reduce", permissions })).newPage();
      [asked, complaints] = [[], []];
      page.on("request", (request) => asked.push(new URL(request.url()).pathname));
      page.on("console", (message) => {
        if (message.type() === "error") complaints.push(message.text());
      });
      page.on("pageerror", (error) => complaints.push(error.message));
      await page.goto(`${server.address}/${hash}`);
      await page.waitForSelector("html[data-ready]", { timeout: 60_000 });
    }

    const answered = (column: number, text: string) =>
      expect.poll(() => page.locator(".tokens").nth(column).textContent(), { timeout: 60_000 }).toBe(text);

    async function answerOf(method: Method, at?: number) {
      const rows = [];
      for await (const piece of generate(engine.model, { question, preference, method, reportRows: true })) {
        if (piece.rows) rows.push(piece.rows);
        if (piece.answer) return { text: piece.answer.text, place: rows[at ?? 0]! };
      }
      throw new Error("There was no answer.");
    }

    test("the server's model answers by name, and no model is loaded into the page", async () => {
      await open("#n=0.2");
      expect(await page.locator(".status").textContent()).toContain(
        texts.model.onServer("org/served", new URL(page.url()).host),
      );
      await answered(0, (await answerOf(guidanceMethod(0))).text);
      await answered(1, (await answerOf(guidanceMethod(1))).text);
      await answered(2, (await answerOf(boundedMethod(0.2, 4.65))).text);
      await page.locator(".tokens").nth(2).locator(".token").nth(6).hover();
      expect(await page.locator(".here").textContent()).toMatch(
        /base would say “.+”, pref “.+”, .*Δ .*drift/,
      );
      expect(asked.filter((path) => /\/(model|wasm)\//.test(path))).toEqual([]);
      expect(complaints).toEqual([]);

      await page.evaluate(axe);
      for (const colorScheme of ["light", "dark"] as const)
        for (const width of [1200, 380]) {
          await page.emulateMedia({ colorScheme });
          await page.setViewportSize({ width, height: 800 });
          expect(await violations(page), `${colorScheme}, ${width} pixels`).toEqual([]);
          expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(width);
        }
      expect(await runCopied("Program")).toBe(await textOf(2));
      expect(await runCopied("Command")).toBe(await textOf(2));
    });

    const textOf = (column: number) => page.locator(".tokens").nth(column).textContent();

    /** What the page copies, run as it is. @returns the answer that it got */
    async function runCopied(kind: "Program" | "Command", env = {}): Promise<string> {
      if (!(await page.locator("dialog").isVisible()))
        await page.getByRole("button", { name: texts.ask.code, exact: true }).click();
      await page.getByRole("button", { name: `${texts.ask.code}: ${kind}` }).click();
      await expect.poll(() => page.locator("main > [aria-live]").last().textContent()).toBe(texts.ask.copied);
      const copied = String(await page.evaluate("navigator.clipboard.readText()"));
      const words = kind === "Program" ? ["node", "--input-type=module", "-e", copied] : ["sh", "-c", copied];
      const { stdout } = await run(words[0]!, words.slice(1), { env: { ...process.env, ...env } });
      return kind === "Program" ? stdout.trimEnd() : JSON.parse(stdout).choices[0].message.content;
    }

    test("the guided path tells of the small model in the page, which answers while one is on it", async () => {
      await open();
      const status = () => page.locator(".status").textContent();
      await page.getByRole("button", { name: texts.path.start }).click();
      await expect.poll(status, { timeout: 30_000 }).toContain(texts.model.embedded);
      await answered(2, (await answerOf(guidanceMethod(5.65))).text);
      await page.getByRole("button", { name: texts.path.leave }).click();
      await expect.poll(status, { timeout: 30_000 }).toContain("org/served");
      await answered(2, (await answerOf(guidanceMethod(5.65))).text);
      expect(complaints).toEqual([]);
    });

    test("of an engine that gives the best tokens alone the page says how much it does not know, and begins with what can be had", async () => {
      const far = withBest(engine, 8);
      await open("#in=1&at=2", undefined, far);
      expect(await page.locator(".status").textContent()).toContain(texts.model.needsBudget);
      await answered(0, (await answerOf(guidanceMethod(0))).text);
      await answered(1, (await answerOf(guidanceMethod(1))).text);
      // Of what is given a budget allows more: it is the same engine that answers here.
      const bounded = boundedMethod(0.2, 4.65);
      await answered(2, await answerIn(generate(far.model, { question, preference, method: bounded })));
      expect(await page.locator("#ask [role=alert]").textContent()).toBe("");
      const { logBase_V, logPreference_V } = (await answerOf(guidanceMethod(1), 2)).place;
      const rows = page.locator("tr[data-id]");
      const share = (row: number, kind: string) =>
        rows.nth(row).locator(kind).getAttribute("data-probability").then(Number);
      const names = await rows.locator("th").allTextContents();
      expect(names).toContain(texts.token.rest);
      // The likeliest is among those that were given; of the others only the sum is known.
      const best = Math.max(...logPreference_V);
      expect(Math.abs((await share(0, ".pref")) - Math.exp(best))).toBeLessThan(1e-4);
      const known = /here stand (\d+) of them, ([\d.]+) % of base's and ([\d.]+) % of pref's/;
      const [, count, base, pref] = known.exec((await page.locator(".partial").textContent())!)!;
      const masses = [logBase_V, logPreference_V].map((row) => bestShares(row, Number(count)));
      // A union of both prompts' best: no more than as many best tokens of each weigh.
      for (const [i, shown] of [base, pref].entries()) {
        expect(Number(shown) / 100).toBeLessThan(masses[i]! + 1e-3);
        expect(Number(shown) / 100).toBeGreaterThan(bestShares([logBase_V, logPreference_V][i]!, 8) - 1e-3);
      }
      // Without a budget it is refused by itself, and the others come.
      await turnDial(page, "nats", mostNats);
      await page.getByRole("button", { name: texts.ask.go, exact: true }).click();
      await expect
        .poll(() => page.locator("#ask [role=alert]").textContent())
        .toMatch(/needs all of them.*budget/);
      expect(await page.locator(".column").nth(2).textContent()).toContain(texts.answer.status.failed);
      await page.getByRole("button", { name: texts.ask.go, exact: true }).waitFor();
      await answered(1, (await answerOf(guidanceMethod(1))).text);
    });

    async function answerIn(pieces: ReturnType<typeof generate>): Promise<string> {
      for await (const { answer } of pieces) if (answer) return answer.text;
      throw new Error("There was no answer.");
    }

    const bestShares = (log_V: Float32Array, count: number) =>
      [...log_V]
        .sort((one, other) => other - one)
        .slice(0, count)
        .reduce((sum, log) => sum + Math.exp(log), 0);

    /** The engine, as it would be seen over a server that tells each prompt's best tokens. */
    function withBest(whole: Engine, best: number): Engine {
      const top = new TopModel(whole.model, best);
      const openSession = (rowCount: number) => top.openSession(rowCount);
      const model = Object.assign(Object.create(whole.model), { coverage: top.coverage, openSession });
      return Object.assign(Object.create(whole), { model });
    }

    test("at a token that is looked at every dial moves the bars as the whole distributions say, within roundings", async () => {
      await open("#in=1&at=9");
      await expect.poll(() => page.locator("#token").textContent()).not.toContain(texts.token.waiting);
      const { place } = await answerOf(guidanceMethod(1), 9);
      for (const x of [0, 1, 3, 8]) {
        const policy = oracles.tilt(place.logBase_V, place.logPreference_V, x - 1);
        // What the server computed for one token beside others is rounded otherwise than here.
        for (const { id, share } of await turnDial(page, "x", x))
          expect(Math.abs(share - Math.exp(policy[id]!)), `x = ${x}`).toBeLessThan(1e-4);
      }
    });

    test("a dial that is turned in mid-answer holds from one of its next tokens on", async () => {
      await open("#pins=none&x=0");
      const plain = (await answerOf(guidanceMethod(0))).text;
      await answered(0, plain);
      // At the third token itself: on a busy machine a frame later all may have come.
      await page.evaluate(`new Promise((turned) => {
        const watcher = new MutationObserver(() => {
          if (!document.querySelector(".token:nth-child(3)")) return;
          watcher.disconnect();
          const dial = document.querySelector("#x");
          dial.value = "3";
          dial.dispatchEvent(new Event("input"));
          turned();
        });
        document.querySelector("#ask button[type=submit]").click();
        watcher.observe(document.querySelector(".columns"), { childList: true, subtree: true });
      })`);
      await expect
        .poll(() => page.getByRole("button", { name: texts.ask.go, exact: true }).count(), {
          timeout: 60_000,
        })
        .toBe(1);
      const changed = await page.locator(".tokens").first().textContent();
      expect(changed).not.toBe(plain);
      expect(changed!.slice(0, 6)).toBe(plain.slice(0, 6));
      expect(complaints).toEqual([]);
    });

    test("a server with a key is asked with the one that is typed in, which no address and no storage has", async () => {
      await open("", "sesame");
      expect(await page.locator(".status").textContent()).toContain(texts.model.embedded);
      await page.fill("#key", "open");
      await page.getByRole("button", { name: texts.model.useKey }).click();
      await expect.poll(() => page.locator("#ask [role=alert]").textContent()).toContain("API key is wrong");
      await page.fill("#key", "sesame");
      await page.getByRole("button", { name: texts.model.useKey }).click();
      await expect.poll(() => page.locator(".status").textContent()).toContain("org/served");
      await answered(1, (await answerOf(guidanceMethod(1))).text);
      expect(page.url()).not.toContain("sesame");
      expect(readState(new URL(page.url()).hash)).toEqual(firstState);
      expect(await page.evaluate("JSON.stringify({ ...localStorage, ...sessionStorage })")).toBe("{}");
      expect(await page.inputValue("#key")).toBe("");
      for (const kind of ["Program", "Command"] as const)
        expect(await runCopied(kind, { AMULET_API_KEY: "sesame" })).toBe(await textOf(2));
    });
  },
);
