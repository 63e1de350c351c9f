/** The page that `amulet serve` gives, in headless Chromium: the server's model answers in it, and explains itself exactly. */
import { boundedMethod, type Engine, generate, guidanceMethod, type Method } from "@amulet-ts/core";
import { openEngine } from "@amulet-ts/engines";
import { readPageFile } from "@amulet-ts/explorer";
import { type RunningServer, startServer } from "@amulet-ts/server";
import { oracles } from "@amulet-ts/verify";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { texts } from "../../packages/explorer/page/texts.js";
import { firstState, readState } from "../../packages/explorer/src/state.js";
import { chromiumFlags, chromiumPath } from "../browser/chromium.js";
import { turnDial } from "../browser/turn-dial.js";

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
      page = await (await browser.newContext({ reducedMotion: "reduce" })).newPage();
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
    });

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
    });
  },
);
