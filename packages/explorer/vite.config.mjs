/** Bundles the page into dist/page, with the embedded model, the studies' numbers and all WebAssembly beside it. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { embeddedModelFolder } from "@amulet-ts/embedded-model";
import { defineConfig } from "vite";
import { readRealStudy } from "./scripts/study-data.mjs";

const wasmFolder = dirname(createRequire(import.meta.url).resolve("@tensorflow/tfjs-backend-wasm"));
const wasmNames = ["", "-simd", "-threaded-simd"].map((kind) => `tfjs-backend-wasm${kind}.wasm`);
const readList = (name) => JSON.parse(readFileSync(new URL(`src/${name}.json`, import.meta.url), "utf8"));

const beside = {
  name: "files beside the page",
  generateBundle() {
    const emit = (folder, from, names) => {
      for (const name of names)
        this.emitFile({
          type: "asset",
          fileName: `${folder}/${name}`,
          source: readFileSync(join(from, name)),
        });
    };
    emit("wasm", wasmFolder, wasmNames);
    for (const { found, name } of [threads, kernels])
      if (!found)
        this.error(
          `The plugin “${name}” found nothing to change: its file has another name, or isn't imported.`,
        );
    this.emitFile({ type: "asset", fileName: "wasm/kernels.json", source: JSON.stringify(kernels.code) });
    emit("model", embeddedModelFolder, readList("embedded-files"));
    for (const name of Object.keys(readList("real-studies"))) {
      const { study, answers } = readRealStudy(name);
      const packed = gzipSync(JSON.stringify(answers), { level: 9 });
      this.emitFile({ type: "asset", fileName: `study/${name}.json`, source: JSON.stringify(study) });
      this.emitFile({ type: "asset", fileName: `study/${name}-answers.bin`, source: packed });
    }
  },
};

/**
 * TensorFlow.js' threads are started from this function's own text, in which a minifier has given the one name from outside
 * of it another name. In a worker it is undefined in any case.
 */
const threads = {
  name: "text of threads",
  found: false,
  transform(code, id) {
    if (!/tfjs-backend-wasm-threaded-simd\.js/.test(id)) return undefined;
    threads.found = true;
    return [
      "||_scriptDir",
      'if(typeof _scriptDir !== "undefined" && _scriptDir){scriptDirectory=_scriptDir}',
    ].reduce((text, named) => {
      if (!text.includes(named)) this.error(`${id} has no “${named}”: its threads may name something else.`);
      return text.replaceAll(named, "");
    }, code);
  },
};

/** The kernels' WebAssembly beside TensorFlow.js', fetched where it computes, and not as text within a script. */
const kernels = {
  name: "kernels as a file",
  found: false,
  code: {},
  transform(text, id) {
    if (!/kernels\/generated\/binary\.js$/.test(id)) return undefined;
    const exported = [...text.matchAll(/^export const (\w+) = "(.*)";$/gm)];
    if (exported.length === 0)
      this.error(`${id} has no line \`export const NAME = "BASE64";\`: no kernels were found.`);
    kernels.found = true;
    kernels.code = Object.fromEntries(exported.map(([, name, base64]) => [name, base64]));
    const names = Object.keys(kernels.code).join(", ");
    return [
      "const script = import.meta.url;",
      `const { ${names} } = await (await fetch(new URL("../wasm/kernels.json", script))).json();`,
      `export { ${names} };`,
    ].join("\n");
  },
};

export default defineConfig({
  root: fileURLToPath(new URL(".", import.meta.url)),
  base: "./",
  publicDir: false,
  plugins: [beside],
  worker: { format: "es", plugins: () => [threads, kernels] },
  build: {
    outDir: "dist/page",
    target: "es2022",
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    chunkSizeWarningLimit: 2000,
  },
});
