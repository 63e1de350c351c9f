/** A model in a worker of headless Chromium: the library's tokens, and a page that never waits for them. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startBackend } from "@amulet-ts/backends";
import { generate } from "@amulet-ts/core";
import { embeddedModelFolder } from "@amulet-ts/embedded-model";
import { loadModel } from "@amulet-ts/models";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { chromiumPath } from "../browser/chromium.js";
import { type OpenPage, openPage, readmeText } from "../browser/open-page.js";

const asked = {
  question: "How do I make a cup of tea?",
  preference: "Your answer should be uplifting.",
  maxNewTokens: 40,
  reportRows: true,
};
const vocabularySize = 2048;

interface Answered {
  readonly ids: number[];
  readonly rows: number[];
  readonly progress: number;
  readonly ticks: { readonly busy: number; readonly idle: number };
  readonly code: string;
  readonly left: number;
  readonly name: string;
}

describe.skipIf(!chromiumPath)("in a worker of a page (needs Chromium)", () => {
  let open: OpenPage;
  beforeAll(async () => {
    open = await openPage(bundle, "answerInWorker");
  });
  afterAll(() => open?.close());

  const answer = (order: object) =>
    open.page.evaluate(
      `answerInWorker(${JSON.stringify({ options: asked, ...order })})`,
    ) as Promise<Answered>;

  test.each(["wasm", "webgpu"])(
    "%s: the tokens that Node says, both rows with each, and the page's timers run all the while",
    async (backend) => {
      const answered = await answer({ backend, model: "models/embedded" });
      const { ids, rows, progress, ticks, code, left } = answered;
      console.log(
        `${backend}: a timer of 5 ms ticked ${ticks.busy.toFixed()} times a second, idle ${ticks.idle}`,
      );
      expect(answered.name).toBe(backend);
      expect(ids).toEqual(await idsInNode());
      expect(rows).toEqual(Array(2 * asked.maxNewTokens).fill(vocabularySize));
      expect(progress).toBe(1);
      expect(ticks.busy).toBeGreaterThan(ticks.idle / 2);
      expect(code).toBe("aborted");
      expect(left).toBe(0);
    },
  );

  test("a GGUF file that the page holds is read in the worker", async () => {
    const options = { question: "Why?", preference: "Be brief.", maxNewTokens: 8 };
    const order = { backend: "wasm", model: "models/tiny.gguf", options };
    const file = await answer({ ...order, asFile: true });
    expect(file.ids).toEqual((await answer(order)).ids);
    expect(file.ids.length).toBeGreaterThan(0);
  });

  test.each([
    ["models/none.gguf", "/worker.js", { name: "FilesError", code: "file-not-found", isOurs: false }],
    ["models/embedded", "/none.js", { name: "WebError", code: "worker-failed", isOurs: true }],
  ])("%s by %s is refused with a typed error", async (model, script, expected) => {
    expect(await open.page.evaluate(`refuseInWorker(${JSON.stringify(model)}, "${script}")`)).toEqual(
      expected,
    );
  });

  test("the README's example answers", async () => {
    expect(await readmeText(open)).toMatch(/^You are going to do so well with tea!/);
  });
});

async function idsInNode(): Promise<readonly number[]> {
  await startBackend("wasm");
  using model = await loadModel(embeddedModelFolder);
  for await (const { answer } of generate(model, asked)) if (answer) return answer.ids;
  return [];
}

/** The page, the worker's script, and both of the README's. */
async function bundle(outdir: string): Promise<void> {
  const inProject = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
  const readme = await readFile(inProject("packages/web/README.md"), "utf8");
  const [worker, page] = [...readme.matchAll(/^```js\n(.*?)^```$/gms)].map(([, code]) => code!);
  await writeFile(join(outdir, "worker-source.js"), worker!);
  await writeFile(join(outdir, "readme-source.js"), `${page}document.title = "done";`);
  await build({
    entryPoints: {
      page: inProject("test/browser/worker-page.ts"),
      readme: join(outdir, "readme-source.js"),
      worker: join(outdir, "worker-source.js"),
    },
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
