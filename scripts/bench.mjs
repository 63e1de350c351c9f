/** `npm run bench [-- NAME …] [--model FILE] [--backend NAME]`: every bench, or those named. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { prepare, root } from "./prepare.mjs";

prepare();
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    model: { type: "string", default: join(root, "../shared/models/SmolLM2-135M-Instruct.Q4_1.gguf") },
    backend: { type: "string", default: "wasm" },
  },
});
const names = readdirSync(join(root, "bench")).filter(
  (name) => name !== "measure.mjs" && name.endsWith(".mjs"),
);
const chosen = names.filter(
  (name) => positionals.length === 0 || positionals.some((word) => name.startsWith(word)),
);
if (chosen.length === 0) {
  console.error(`There is no such bench. There are: ${names.join(", ")}.`);
  process.exit(2);
}
for (const name of chosen) {
  const bench = await import(pathToFileURL(join(root, "bench", name)).href);
  if (bench.onlyWhenNamed && positionals.length === 0) continue;
  console.log(`\n── ${bench.title}`);
  await bench.run({ modelPath: values.model, backend: values.backend });
}
