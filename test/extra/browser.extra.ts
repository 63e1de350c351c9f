import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startBackend } from "@amulet-ts/backends";
import { generate } from "@amulet-ts/core";
import { loadModel } from "@amulet-ts/models";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { answer } from "../browser/answer.js";
import { chromiumPath } from "../browser/chromium.js";
import { type OpenPage, openPage, readmeText } from "../browser/open-page.js";

const count = 20;
interface Answer {
  readonly description: string;
  readonly tokens: number[];
  readonly tensorsLeft: number;
}

describe.skipIf(!chromiumPath)("in a page of headless Chromium (needs Chromium)", () => {
  let open: OpenPage;
  /** What Node says, by the path that a model is served under. */
  const tokensOf = new Map<string, number[]>();

  beforeAll(async () => {
    open = await openPage(bundle, "run");
    await startBackend("wasm");
    for (const [url, path] of open.models) tokensOf.set(url, await answerInNode(path));
  });
  afterAll(() => open?.close());

  const runInPage = (order: object) =>
    open.page.evaluate(`run(${JSON.stringify({ ...order, count })})`) as Promise<Answer>;

  test.each(["wasm", "webgpu"])(
    "%s gives each model's 20 tokens as Node does, and leaves no tensor",
    async (backend) => {
      for (const [url, tokens] of tokensOf) {
        expect(tokens).toHaveLength(count);
        expect(new Set(tokens).size).toBeGreaterThan(1);
        expect(await runInPage({ backend, url })).toMatchObject({ tokens, tensorsLeft: 0 });
      }
    },
  );

  test("the example in the README of models answers in the page", async () => {
    expect(await readmeText(open)).toBe(await exampleInNode(open.models.get("/models/tiny.gguf")!));
  });

  test("a GGUF file as a blob is read as from its URL", async () => {
    const url = "/models/tiny.gguf";
    expect(await runInPage({ backend: "wasm", url, asBlob: true })).toMatchObject({
      tokens: tokensOf.get(url)!,
    });
  });

  test.each([
    ["/models/none.gguf", "file-not-found"],
    ["/models/no-folder", "not-a-model"],
    ["/page.js", "not-a-model"],
    ["http://127.0.0.1:9/m.gguf", "file-unreadable"],
  ])("%s is refused with the code %s", async (url, code) => {
    expect(await open.page.evaluate(`refuse(${JSON.stringify(url)})`)).toBe(code);
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
