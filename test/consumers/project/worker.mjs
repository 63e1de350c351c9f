// The worker's script in a thread of Node's.
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { embeddedModelFolder } from "@amulet-ts/embedded-model";
import { generate, openEngine } from "@amulet-ts/web";

const names = await readdir(embeddedModelFolder);
const files = names.map(async (name) => [name, new Blob([await readFile(join(embeddedModelFolder, name))])]);
const script = new URL("./node_modules/@amulet-ts/web/dist/worker.js", import.meta.url);
const engine = await openEngine({
  worker: new Worker(fileURLToPath(script)),
  model: Object.fromEntries(await Promise.all(files)),
  backend: "wasm",
});
const asked = { question: "How do I make a cup of tea?", preference: "Your answer should be uplifting." };
for await (const { text } of generate(engine.model, { ...asked, maxNewTokens: 17 }))
  process.stdout.write(text);
await engine.dispose();
