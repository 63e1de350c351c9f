/** The packages as they are built and published, in a page: the same model gives the tokens that it gives in Node. */
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startBackend } from "@amulet-ts/backends";
import { generate } from "@amulet-ts/core";
import { embeddedModelFolder } from "@amulet-ts/embedded-model";
import { loadModel } from "@amulet-ts/models";
import { tinyLlamaFile } from "@amulet-ts/testing/models/tiny-llama";
import { build } from "esbuild";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { answer } from "../browser/answer.js";
import { chromiumFlags, chromiumPath } from "../browser/chromium.js";
import { type PageServer, serve, wasmFolder } from "../browser/serve.js";

const count = 20;
interface Answer {
  readonly description: string;
  readonly tokens: number[];
  readonly tensorsLeft: number;
}

describe.skipIf(!chromiumPath)("in a page of headless Chromium (needs Chromium)", () => {
  let folder = "";
  let server: PageServer;
  let browser: Browser;
  let page: Page;
  /** Models by the path that they are served under, and what Node says. */
  const models = new Map<string, { readonly path: string; readonly tokens: number[] }>();

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "amulet-page-"));
    await bundle(folder);
    await writeFile(join(folder, "index.html"), '<script type="module" src="/page.js"></script>');
    await writeFile(join(folder, "readme.html"), '<body><script type="module" src="/readme.js"></script>');
    await writeFile(join(folder, "tiny.gguf"), tinyLlamaFile());
    const served = new Map([["/models/tiny.gguf", join(folder, "tiny.gguf")]]);
    if (existsSync(embeddedModelFolder)) served.set("/models/embedded", embeddedModelFolder);
    await startBackend("wasm");
    for (const [url, path] of served) models.set(url, { path, tokens: await answerInNode(path) });
    server = await serve([...served, ["/wasm", wasmFolder], ["", folder]]);
    browser = await chromium.launch({ executablePath: chromiumPath!, args: chromiumFlags });
    page = await browser.newPage();
    const errors: string[] = [];
    page.on("pageerror", (error) => errors.push(error.message));
    await page.goto(`${server.origin}/index.html`);
    await page.waitForFunction("'run' in globalThis").catch((cause) => {
      throw new Error(`The page's script failed: ${errors.join("; ")}`, { cause });
    });
  });
  afterAll(async () => {
    await browser?.close();
    server?.close();
    await rm(folder, { recursive: true, force: true });
  });

  const runInPage = (order: object) =>
    page.evaluate(`run(${JSON.stringify({ ...order, count })})`) as Promise<Answer>;

  test.each(["wasm", "webgpu"])(
    "%s gives each model's 20 tokens as Node does, and leaves no tensor",
    async (backend) => {
      for (const [url, { tokens }] of models) {
        expect(tokens).toHaveLength(count);
        expect(new Set(tokens).size).toBeGreaterThan(1);
        expect(await runInPage({ backend, url })).toMatchObject({ tokens, tensorsLeft: 0 });
      }
    },
  );

  test("the example in the README of models answers in the page", async () => {
    const own = await browser.newPage();
    await own.goto(new URL("/readme.html", page.url()).href);
    await own.waitForFunction("document.title === 'done'");
    expect(await own.textContent("body")).toBe(await exampleInNode(models.get("/models/tiny.gguf")!.path));
    await own.close();
  });

  test("a GGUF file as a blob is read as from its URL", async () => {
    const url = "/models/tiny.gguf";
    expect(await runInPage({ backend: "wasm", url, asBlob: true })).toMatchObject({
      tokens: models.get(url)!.tokens,
    });
  });

  test.each([
    ["/models/none.gguf", "file-not-found"],
    ["/models/no-folder", "not-a-model"],
    ["/page.js", "not-a-model"],
    ["http://127.0.0.1:9/m.gguf", "file-unreadable"],
  ])("%s is refused with the code %s", async (url, code) => {
    expect(await page.evaluate(`refuse(${JSON.stringify(url)})`)).toBe(code);
  });
});

async function answerInNode(path: string): Promise<number[]> {
  using model = await loadModel(path);
  return await answer(model, count);
}

/** What the README's example puts on its page. */
async function exampleInNode(path: string): Promise<string> {
  using model = await loadModel(path);
  const question = "How do I make a cup of tea?";
  let answer = "";
  for await (const { text } of generate(model, { question, preference: "Be concise.", maxNewTokens: 20 }))
    answer += text;
  return answer;
}

/** What only Node has stays in chunks that a page never loads. */
async function bundle(outdir: string): Promise<void> {
  const inProject = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
  const readme = await readFile(inProject("packages/models/README.md"), "utf8");
  const [, example] = /^```js\n(.*?)^```$/ms.exec(readme)!;
  await writeFile(join(outdir, "readme-source.js"), `${example}document.title = "done";`);
  await build({
    entryPoints: { page: inProject("test/browser/page.ts"), readme: join(outdir, "readme-source.js") },
    nodePaths: [inProject("node_modules")],
    outdir,
    bundle: true,
    format: "esm",
    splitting: true,
    platform: "browser",
    external: ["node:*"],
    logLevel: "silent",
  });
}
