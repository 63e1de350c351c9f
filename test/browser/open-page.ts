/** A folder that is served to a page of headless Chromium: what is bundled into it, models and the .wasm files. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { embeddedModelFolder } from "@amulet-ts/embedded-model";
import { tinyLlamaFile } from "@amulet-ts/testing/models/tiny-llama";
import { type Browser, chromium, type Page } from "playwright-core";
import { chromiumFlags, chromiumPath } from "./chromium.js";
import { serve, wasmFolder } from "./serve.js";

export interface OpenPage {
  readonly browser: Browser;
  readonly page: Page;
  /** Without a slash at its end. */
  readonly origin: string;
  /** Where each model lies on this disk, by the path that it is served under. */
  readonly models: ReadonlyMap<string, string>;
  close(): Promise<void>;
}

/**
 * @param bundle writes `page.js` and `readme.js` into the folder
 * @param ready the function that the page's script leaves when it is there
 * @throws Error with what the page's script failed with
 */
export async function openPage(bundle: (folder: string) => Promise<void>, ready: string): Promise<OpenPage> {
  const folder = await mkdtemp(join(tmpdir(), "amulet-page-"));
  await bundle(folder);
  await writeFile(join(folder, "index.html"), '<script type="module" src="/page.js"></script>');
  await writeFile(join(folder, "readme.html"), '<body><script type="module" src="/readme.js"></script>');
  await writeFile(join(folder, "tiny.gguf"), tinyLlamaFile());
  const models = new Map([
    ["/models/tiny.gguf", join(folder, "tiny.gguf")],
    ["/models/embedded", embeddedModelFolder],
  ]);
  const server = await serve([...models, ["/wasm", wasmFolder], ["", folder]]);
  const browser = await chromium.launch({ executablePath: chromiumPath!, args: chromiumFlags });
  const close = async () => {
    await browser.close();
    server.close();
    await rm(folder, { recursive: true, force: true });
  };
  const page = await browser.newPage();
  const errors: string[] = [];
  page.on("pageerror", (error) => errors.push(error.message));
  await page.goto(`${server.origin}/index.html`);
  try {
    await page.waitForFunction(`${JSON.stringify(ready)} in globalThis`);
  } catch (cause) {
    await close();
    throw new Error(`The page's script failed: ${errors.join("; ")}`, { cause });
  }
  return { browser, page, origin: server.origin, models, close };
}

/** What the README's example writes into a page of its own. */
export async function readmeText({ browser, origin }: OpenPage): Promise<string | null> {
  const page = await browser.newPage();
  await page.goto(`${origin}/readme.html`);
  await page.waitForFunction("document.title === 'done'");
  const text = await page.textContent("body");
  await page.close();
  return text;
}
