/** The page in headless Chromium, as it was built: its path, its bars, its addresses, other people's models, its access. */
import { readFileSync } from "node:fs";
import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { startBackend } from "@amulet-ts/backends";
import { boundedMethod, generate, guidanceMethod, type Method } from "@amulet-ts/core";
import { embeddedModelFolder } from "@amulet-ts/embedded-model";
import { type PageServer, readPageFile, servePage } from "@amulet-ts/explorer";
import { loadModel, type Model } from "@amulet-ts/models";
import { loadModel as loadFromBlob } from "@amulet-ts/models/browser";
import { tinyLlamaFile } from "@amulet-ts/testing/models/tiny-llama";
import { oracles } from "@amulet-ts/verify";
import { type Browser, type BrowserContext, chromium, type Locator, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { axe, violations } from "../../../../test/browser/axe.js";
import { chromiumFlags, chromiumPath } from "../../../../test/browser/chromium.js";
import { turnDial } from "../../../../test/browser/turn-dial.js";
import { texts } from "../../page/texts.js";
import { normalise } from "../../src/policy.js";
import recorded from "../../src/recorded.json" with { type: "json" };
import { firstState, readState, writeState } from "../../src/state.js";

const isBuilt = (await readPageFile("/")) !== undefined;
if (!isBuilt) console.warn("Skipped: the page is not built; `npm run build` does it.");

const { question, preference } = firstState;

/** As static hosts do. */
const compressedLength = (bytes: Uint8Array) =>
  brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } }).length;

describe.skipIf(!chromiumPath || !isBuilt)(
  "the page in Chromium (needs Chromium, and `npm run build`)",
  () => {
    let server: PageServer;
    let browser: Browser;
    let embedded: Model;
    let context: BrowserContext;
    let page: Page;
    let complaints: string[];
    let hosts: Set<string>;

    beforeAll(async () => {
      await startBackend("wasm");
      embedded = await loadModel(embeddedModelFolder);
      server = await servePage();
      browser = await chromium.launch({ executablePath: chromiumPath!, args: chromiumFlags });
    });
    afterAll(async () => {
      await browser?.close();
      await server?.close();
      embedded?.dispose();
    });

    async function open(
      hash = "",
      options: Parameters<Browser["newContext"]>[0] = {},
      prepare = async () => {},
      url = server.url,
    ) {
      context = await browser.newContext({ reducedMotion: "reduce", ...options });
      page = await context.newPage();
      [complaints, hosts] = [[], new Set()];
      page.on("console", (message) => {
        if (message.type() === "error") complaints.push(message.text());
      });
      page.on("pageerror", (error) => complaints.push(error.message));
      page.on("request", (request) => {
        if (!/^(blob|data):/.test(request.url())) hosts.add(new URL(request.url()).origin);
      });
      await prepare();
      await page.goto(`${url}${hash}`);
    }
    const ready = () => page.waitForSelector("html[data-ready]", { timeout: 60_000 });
    const answered = (column: number, text: string) =>
      expect.poll(() => page.locator(".tokens").nth(column).textContent(), { timeout: 60_000 }).toBe(text);
    afterEach(() => context?.close());

    test("each step of the path is a state with an address, says what it is about, and axe finds nothing", async () => {
      await open("", { colorScheme: "light" });
      await ready();
      await page.evaluate(axe);
      await page.getByRole("button", { name: texts.path.start }).click();
      for (const [i, step] of texts.path.steps.entries()) {
        expect(await page.locator(".path h2").textContent()).toBe(step.title);
        expect(await page.locator(".looked").count()).toBe(1);
        await expect.poll(() => readState(new URL(page.url()).hash).step).toBe(i + 1);
        expect(await violations(page)).toEqual([]);
        if (i + 1 < texts.path.steps.length)
          await page.getByRole("button", { name: texts.path.next, exact: true }).click();
      }
      await answered(2, await answerOf(embedded, boundedMethod(0.2, 4.65)));
      await page.getByRole("button", { name: texts.path.end }).click();
      expect(await page.locator(".path").isVisible()).toBe(false);
      expect(complaints).toEqual([]);
      expect([...hosts]).toEqual([new URL(server.url).origin]);
    });

    test("dark, and on a phone, axe finds nothing and nothing is wider than the screen", async () => {
      await open("#step=6&at=35", { colorScheme: "dark", viewport: { width: 380, height: 800 } });
      await ready();
      await page.evaluate(axe);
      expect(await violations(page)).toEqual([]);
      expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(380);
    });

    test("dragging x from 0 to 12 moves the bars as the float64 oracle computes them, within 1e-6, before the model is there", async () => {
      await open("#at=35", {}, async () => {
        await page.route("**/model/*", (route) => route.abort());
      });
      await page.waitForSelector("tr[data-id]");
      const { base, preference } = normalise(recorded.places[1]!);
      for (const x of [0, 0.5, 1, 2.4, 3, 5.65, 12]) {
        const policy = oracles.tilt(base, preference, x - 1);
        const shown = await turnDial(page, "x", x);
        expect(shown.length).toBe(10);
        for (const { id, share } of shown)
          expect(Math.abs(share - Math.exp(policy[id]!)), `x = ${x}`).toBeLessThan(1e-6);
      }
    });

    test("T moves them as the paper's loop does", async () => {
      await open("#at=35&in=2&pins=0_1_5.65&by=T", {}, async () => {
        await page.route("**/model/*", (route) => route.abort());
      });
      await page.waitForSelector("tr[data-id]");
      const { base, preference } = normalise(recorded.places[1]!);
      for (const iterations of [0, 1, 7, 60]) {
        const policy = oracles.amulet(base, preference, { iterations, alpha: 2, lambda: 2, eta: 10 });
        for (const { id, share } of await turnDial(page, "T", iterations))
          expect(Math.abs(share - Math.exp(policy[id]!)), `T = ${iterations}`).toBeLessThan(1e-6);
      }
    });

    test("an address restores question, settings and token, and the model answers them as in Node", async () => {
      const state = {
        ...firstState,
        ...{ question: "How do I cook rice without a mess?", preference: "Your answer should be concise." },
        ...{
          dial: "T" as const,
          nats: 1,
          column: 1,
          place: 4,
          heat: "x" as const,
          pinned: [{ x: 2.5, nats: Number.POSITIVE_INFINITY }],
        },
      };
      await open(writeState(state));
      await ready();
      expect(await page.inputValue("#question")).toBe(state.question);
      expect(await page.inputValue("#nats")).toBe("1");
      expect(await page.isChecked("#by-T")).toBe(true);
      await answered(0, await answerOf(embedded, guidanceMethod(2.5), state));
      await answered(1, await answerOf(embedded, boundedMethod(1), state));
      expect(await page.locator('.token[aria-pressed="true"]').textContent()).toBe(
        await page.locator(".tokens").nth(1).locator(".token").nth(4).textContent(),
      );
      expect(readState(new URL(page.url()).hash)).toEqual(state);
    });

    test("the rest of an answer, said anew as it was, is what it was; by another dial it is another", async () => {
      await open("#at=20&in=1&x=1");
      await ready();
      const before = await answerOf(embedded, guidanceMethod(1));
      await answered(1, before);
      const again = page.getByRole("button", { name: texts.answer.rewrite });
      await again.click();
      await answered(1, before);
      await turnDial(page, "x", 3.5);
      await again.click();
      await expect.poll(() => page.locator(".tokens").nth(1).textContent()).not.toBe(before);
      expect(await page.locator(".tokens").nth(1).textContent()).toMatch(
        /^You are going to do so well with tea!/,
      );
    });

    test("a GGUF file that a hand drops on the page says what it needs, and answers as in Node", async () => {
      await open("");
      await ready();
      const file = tinyLlamaFile();
      const path = join(await makeFolder(), "tiny.gguf");
      await writeFile(path, file);
      await dropAt(page.locator("h1"), path);
      await expect
        .poll(() => page.locator("#offer").textContent())
        .toMatch(/tiny\.gguf: llama, .* million parameters.*it fits/);
      await page.getByRole("button", { name: texts.model.load }).click();
      // Its context holds no longer ones.
      const short = { question: "Why?", preference: "Be brief." };
      await page.fill("#question", short.question);
      await page.fill("#preference", short.preference);
      await expect
        .poll(() => page.locator(".status").textContent(), { timeout: 30_000 })
        .toContain("tiny.gguf · ");
      await page.getByRole("button", { name: texts.ask.go, exact: true }).click();
      using tiny = await loadFromBlob(new Blob([new Uint8Array(file)]));
      await answered(0, await answerOf(tiny, guidanceMethod(0), short));
      await answered(2, await answerOf(tiny, guidanceMethod(5.65), short));
      expect(complaints).toEqual([]);
    });

    test("a folder of safetensors answers as in Node, whether it is chosen or dropped", async () => {
      await open("#pins=none&x=2.5");
      await ready();
      /** By another strength than what has been answered before it. */
      const loads = async (offers: RegExp, ready: RegExp, x: number) => {
        await expect.poll(() => page.locator("#offer").textContent()).toMatch(offers);
        await turnDial(page, "x", x);
        await page.getByRole("button", { name: texts.model.load, exact: true }).click();
        await expect.poll(() => page.locator(".status").textContent(), { timeout: 30_000 }).toMatch(ready);
        await answered(0, await answerOf(embedded, guidanceMethod(x)));
      };
      await page.setInputFiles("#folder", embeddedModelFolder);
      await loads(/llama, 1\.\d million parameters.*it fits/, /^(?!the embedded).* · .*loaded/, 1);
      const folder = join(await makeFolder(), "a model");
      await cp(embeddedModelFolder, folder, { recursive: true });
      await dropAt(page.locator(".drop-zone"), folder);
      await loads(/^a model: llama, .*it fits/, /^a model · .*loaded/, 3.5);
      expect(complaints).toEqual([]);
    });

    async function makeFolder(): Promise<string> {
      const folder = await mkdtemp(join(tmpdir(), "amulet-drop-"));
      onTestFinished(() => rm(folder, { recursive: true }));
      return folder;
    }

    /** What a hand does that drags a file or a folder out of another program: the browser itself makes the events and the entries. */
    async function dropAt(target: Locator, path: string): Promise<void> {
      await target.scrollIntoViewIfNeeded();
      const box = (await target.boundingBox())!;
      const session = await context.newCDPSession(page);
      const at = { x: box.x + box.width / 2, y: box.y + box.height / 2 };
      const data = { items: [], files: [path], dragOperationsMask: 1 };
      for (const type of ["dragEnter", "dragOver", "drop"] as const)
        await session.send("Input.dispatchDragEvent", { type, ...at, data });
      await session.detach();
    }

    test("by WebGPU, which SwiftShader plays, the answer begins as in Node", async () => {
      await open("#pins=none&x=2.5&on=webgpu");
      // The whole first answer is not waited for.
      const status = () => page.locator(".status").textContent();
      await expect.poll(status, { timeout: 60_000 }).toContain("webgpu · loaded");
      await page.getByRole("button", { name: texts.ask.stop, exact: true }).click();
      const begins = (await answerOf(embedded, guidanceMethod(2.5))).slice(0, 24);
      await page.getByRole("button", { name: texts.ask.go, exact: true }).click();
      const said = () => page.locator(".tokens").first().textContent();
      await expect
        .poll(async () => (await said())?.slice(0, begins.length), { timeout: 60_000 })
        .toBe(begins);
    });

    test("a broken file gives a sentence, and the model that was there answers on", async () => {
      await open("");
      await ready();
      const broken = Buffer.from(tinyLlamaFile()).subarray(0, 3000);
      await page.setInputFiles("#file", { name: "broken.gguf", mimeType: "", buffer: broken });
      await expect
        .poll(() => page.locator("#offer [role=alert]").textContent())
        .toMatch(/could not be opened\. .*broken\.gguf.*\./);
      await page.getByRole("button", { name: texts.ask.go, exact: true }).click();
      await answered(1, await answerOf(embedded, guidanceMethod(1)));
      expect(complaints).toEqual([]);
    });

    test("a model of the hub is fetched by name, goes on where it broke off, is kept with its size, opened again and deleted", async () => {
      const file = Buffer.from(tinyLlamaFile());
      const hub = await brittleHub(file);
      onTestFinished(hub.close);
      const own = await servePage(0, { hub: hub.url });
      onTestFinished(own.close);
      await open("", {}, async () => {}, own.url);
      await ready();
      await page.fill("#hub", "org/tiny");
      await page.getByRole("button", { name: texts.model.look }).click();
      await expect.poll(() => page.locator("#offer").textContent()).toMatch(/org\/tiny: llama, .* it fits/);
      const fetchIt = page.getByRole("button", { name: texts.model.fetch(file.length) });
      await fetchIt.click();
      await expect
        .poll(() => page.locator("#offer [role=alert]").textContent())
        .toMatch(/could not be opened/);
      await fetchIt.click();
      await expect
        .poll(() => page.locator("#model li").textContent())
        .toContain(`org/tiny, ${texts.megabytes(file.length)}`);
      await page.getByRole("button", { name: texts.model.load, exact: true }).click();
      await expect
        .poll(() => page.locator(".status").textContent(), { timeout: 30_000 })
        .toContain("org/tiny · ");
      await page.getByRole("button", { name: texts.model.remove("org/tiny") }).click();
      await expect.poll(() => page.locator("#model li").count()).toBe(0);
      // From the beginning, and then from where it broke off.
      expect(hub.downloads).toEqual([0, file.length >> 1]);
    });

    /** A hub with one file, whose first download breaks off in the middle; headers are read in ranges that have an end. */
    async function brittleHub(file: Buffer) {
      const downloads: number[] = [];
      const listing = JSON.stringify([{ type: "file", path: "tiny.gguf", size: file.length }]);
      const hub = createServer(({ method, url, headers: { range } }, response) => {
        const cors = {
          "access-control-allow-origin": "*",
          "access-control-allow-headers": "range",
          "access-control-expose-headers": "content-range, content-length, accept-ranges",
        };
        if (method === "OPTIONS" || url!.includes("/api/")) return response.writeHead(200, cors).end(listing);
        const [, from = 0, to] = /^bytes=(\d+)-(\d*)$/.exec(range ?? "") ?? [];
        const part = file.subarray(Number(from), to ? Number(to) + 1 : undefined);
        response.writeHead(range ? 206 : 200, {
          ...cors,
          "content-length": part.length,
          ...(range && { "content-range": `bytes ${from}-${Number(from) + part.length - 1}/${file.length}` }),
        });
        const breaksOff = !to && downloads.length === 0;
        if (!to) downloads.push(Number(from));
        if (!breaksOff) return response.end(part);
        return response.write(part.subarray(0, part.length >> 1), () =>
          setTimeout(() => response.destroy(), 300),
        );
      });
      await new Promise<void>((listening) => hub.listen(0, "127.0.0.1", listening));
      const close = () => {
        hub.close();
        hub.closeAllConnections();
      };
      return { url: `http://127.0.0.1:${(hub.address() as AddressInfo).port}`, downloads, close };
    }

    test("by keyboard: tokens are walked by arrows, and what would have been said otherwise is told", async () => {
      await open("");
      await ready();
      await page.locator(".tokens").nth(2).locator(".token").first().focus();
      for (let i = 0; i < 3; i++) await page.keyboard.press("ArrowRight");
      expect(readState(new URL(page.url()).hash).place).toBeLessThanOrEqual(3);
      await expect.poll(() => readState(new URL(page.url()).hash).place).toBe(3);
      expect(await page.locator(".here").textContent()).toMatch(/base would say .*, pref .*, the policy /);
    });

    test("a real model's curves are the study's, and behind each point its answers stand beside the prompt's, by keyboard", async () => {
      const fetched: string[] = [];
      await open("#study=smollm2", {}, async () => {
        await page.route("**/model/*", (route) => route.abort());
        page.on("request", (request) => fetched.push(new URL(request.url()).pathname));
      });
      await expect.poll(() => fetched).toContain("/study/smollm2.json");
      expect(fetched).not.toContain("/study/smollm2-answers.bin");
      const { summary } = readStudy("smollm2.json")[0]!;
      const mean = (key: string) =>
        summary.groups[0].settings.find((one: { key: string }) => one.key === key).summary.preference.mean;
      const follows = texts.study.measures.preference;
      await page.locator("#point").focus();
      // From the base prompt, past pref, to x = 1.25.
      for (const _ of [1, 2]) await page.keyboard.press("ArrowRight");
      await expect
        .poll(() => page.locator(".behind [role=status]").textContent())
        .toContain(`x = 1.25, on average: ${follows} ${mean("dial 1.25").toFixed(2)}`);
      const lines = readStudy("smollm2-answers.jsonl");
      const sees = async (pair: number, setting: string) => {
        const { question, asks, answers } = lines[pair]!;
        const shown = page.locator(".behind article");
        await expect.poll(() => shown.nth(0).locator(".text").textContent()).toBe(answers["dial 1"]);
        const own = answers[setting] === answers["dial 1"] ? texts.study.same : answers[setting];
        expect(await shown.nth(1).locator(".text").textContent()).toBe(own);
        const scores = scoresIn(question, asks, setting);
        expect(await shown.nth(1).locator(".scores").textContent()).toContain(
          `${follows} ${scores[0]!.toFixed(2)} · ${texts.study.measures.fluency} ${scores[1]!.toFixed(2)}`,
        );
      };
      await sees(firstState.pair, "dial 1.25");
      await page.getByRole("button", { name: texts.study.next[1]! }).press("Enter");
      await sees(firstState.pair + 4, "dial 1.25");
      await page.selectOption("#study-curve", "budget");
      await page.locator("#point").press("ArrowRight");
      await page.selectOption("#study-preference", { index: 0 });
      await sees(firstState.pair + 1, "bounded 0.2");
      await expect.poll(() => readState(new URL(page.url()).hash).pair).toBe(firstState.pair + 1);
    });

    const readStudy = (name: string) =>
      readFileSync(`docs/study/real/${name}`, "utf8")
        .trim()
        .split(name.endsWith("l") ? "\n" : "\0")
        .map((text) => JSON.parse(text));

    function scoresIn(...asked: [question: string, asks: string, setting: string]): number[] {
      const lines = readFileSync("docs/study/real/smollm2.csv", "utf8").split("\n");
      const row = lines.find((line) => line.startsWith(`${asked.join()},`))!;
      return row.split(",").slice(3).map(Number);
    }

    test("the figure of four turns by key and pointer", async () => {
      await open("", {}, async () => {
        await page.route("**/model/*", (route) => route.abort());
      });
      await page.locator("#turn").focus();
      await page.keyboard.press("ArrowRight");
      await expect.poll(() => readState(new URL(page.url()).hash).turn).toEqual([-23, 16]);
      await page.locator("svg.triangle").scrollIntoViewIfNeeded();
      const figure = (await page.locator("svg.triangle").boundingBox())!;
      await page.mouse.move(figure.x + 100, figure.y + 100);
      await page.mouse.down();
      await page.mouse.move(figure.x + 140, figure.y + 90);
      await page.mouse.up();
      await expect.poll(() => readState(new URL(page.url()).hash).turn).toEqual([-3, 11]);
    });

    test("with JavaScript off the page says what it would be", async () => {
      await open("", { javaScriptEnabled: false });
      expect(await page.locator("noscript").textContent()).toContain("needs");
      expect(await page.locator("h1").isVisible()).toBe(true);
    });

    test("what a visit loads stays under 400 kB of compressed scripts; first picture and frames are told", async () => {
      const scripts = new Map<string, readonly [brotli: number, gzip: number]>();
      await open("", {}, async () => {
        page.on("response", async (response) => {
          const { pathname } = new URL(response.url());
          if (!pathname.endsWith(".js") || response.url().startsWith("blob:")) return;
          const { body } = (await readPageFile(pathname))!;
          scripts.set(pathname, [compressedLength(body), gzipSync(body, { level: 9 }).length]);
        });
      });
      await ready();
      const paint = await page.evaluate(
        "performance.getEntriesByName('first-contentful-paint')[0]?.startTime",
      );
      const frames = await page.evaluate(dragForTwoSeconds);
      const sumOf = (kind: 0 | 1) => [...scripts.values()].reduce((sum, sizes) => sum + sizes[kind], 0);
      const [bytes, gzipped] = [sumOf(0), sumOf(1)];
      console.log(
        `first picture after ${Math.round(Number(paint))} ms; ${frames} frames a second while x is dragged; ` +
          `${scripts.size} scripts of ${Math.round(bytes / 1000)} kB by brotli, ${Math.round(gzipped / 1000)} kB by gzip`,
      );
      expect(bytes).toBeLessThan(400_000);
      expect(gzipped).toBeLessThan(400_000);
    });

    const dragForTwoSeconds = `new Promise((told) => {
    const dial = document.querySelector("#x");
    const started = performance.now();
    let frames = 0;
    const go = (now) => {
      frames++;
      dial.value = String((frames * 0.07) % 12);
      dial.dispatchEvent(new Event("input"));
      if (now - started < 2000) requestAnimationFrame(go);
      else told(Math.round(frames / 2));
    };
    requestAnimationFrame(go);
  })`;

    async function answerOf(model: Model, method: Method, asked = { question, preference }): Promise<string> {
      const options = { question: asked.question, preference: asked.preference, method };
      for await (const { answer } of generate(model, options)) if (answer) return answer.text;
      return "";
    }
  },
);
